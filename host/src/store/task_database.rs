//! The database of a task: its families, how far each changelog is contained in it, and when it is to be flushed.

use std::path::Path;
use std::sync::Arc;

use super::disk_bytes::DiskBytes;
use super::disk_fill::remove_left_overs;
use super::fronted::{Fronted, Writes};
use super::overlaid::Written;
use super::store_of_kind::Kind;
use super::{Changelog, Home, StoreConfig, StoreError};
use crate::disk::{Access, Batch, Budget, Database, DiskError, Durability, FamilySpec, Options, Sync};
use crate::limits;
use crate::record::{Offset, Timestamp};
use crate::topology::Backend;

const META: &str = "meta";
const CELLS: &str = "cells";

/// There while the database is filled: what is in it then is no state of the task.
const FILLING: &str = "filling";

/// The database of a task.
#[derive(Debug)]
pub(super) struct TaskDatabase {
    database: Arc<Database>,
    /// For messages: the last part of the folder's name.
    name: Arc<str>,
    /// The families of the stores; `None` for those in memory.
    families: Vec<Option<String>>,
    /// Whether their writes may wait.
    writes: Vec<Writes>,
    /// The topics that they are restored from.
    changelogs: Vec<Arc<str>>,
    /// What the keys of their rows depend on.
    layouts: Vec<String>,
    /// Memory that all tasks of the host share.
    budget: Budget,
    unflushed: Written,
    flushed: Option<Timestamp>,
    /// As of the last flush: it changes there, compactions aside.
    bytes_on_disk: u64,
}

impl TaskDatabase {
    /// Opens the database of a task, made when absent.
    pub(super) fn open(home: Home<'_>, stores: &[StoreConfig]) -> Result<Self, StoreError> {
        let on_disk = |store: &StoreConfig| (store.backend == Backend::RocksDb).then(|| format!("store.{}", store.name));
        let families: Vec<Option<String>> = stores.iter().map(on_disk).collect();
        let names = [META, CELLS].into_iter().chain(families.iter().flatten().map(String::as_str));
        // A handful of positions needs no filters.
        let access = |name| if name == META { Access::Ranges } else { Access::Points };
        let specs: Vec<FamilySpec<'_>> = names.map(|name| FamilySpec { name, access: access(name) }).collect();
        let options = Options { families: &specs, durability: Durability::Flushed, budget: home.budget, create_if_missing: true };
        let name = name_of(home.folder);
        let database = Database::open(home.folder, &options).map_err(|why| StoreError::of(&name, why))?;
        let changelogs = stores.iter().map(|store| Arc::clone(&store.changelog)).collect();
        let layouts = stores.iter().map(|store| Kind::new(&store.shape).layout()).collect();
        let writes = stores.iter().map(|store| Kind::new(&store.shape).writes()).collect();
        let budget = home.budget.clone();
        let bytes_on_disk = database.bytes_on_disk();
        let (database, unflushed) = (Arc::new(database), Written::default());
        let opened = Self { database, name, families, writes, changelogs, layouts, budget, unflushed, flushed: None, bytes_on_disk };
        opened.check_whole()?;
        opened.check_changelogs()?;
        Ok(opened)
    }

    /// Notes down, durably, that it is filled: one that was cut short must not pass for a state. The next `flush` takes the note away.
    pub(super) fn note_filling(&self) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let noted = self.database.family(META).and_then(|meta| {
            batch.put(meta, FILLING.as_bytes(), &[]);
            self.database.write(batch, Sync::Yes)
        });
        noted.map_err(|why| StoreError::of(&self.name, why))
    }

    fn check_whole(&self) -> Result<(), StoreError> {
        let read = self.database.family(META).and_then(|meta| meta.read(FILLING.as_bytes(), |_| ()));
        match read.map_err(|why| StoreError::of(&self.name, why))? {
            None => Ok(()),
            Some(()) => {
                let why = format!("{}: the host ended while it was restored", self.database.path().display());
                Err(StoreError::Corrupted { store: Arc::clone(&self.name), why })
            }
        }
    }

    /// A position says nothing of another topic, and rows of another layout cannot be found: a store whose changelog or layout is not the one
    /// that it was made from has to be made anew.
    fn check_changelogs(&self) -> Result<(), StoreError> {
        for ((family, changelog), layout) in self.families.iter().zip(&self.changelogs).zip(&self.layouts) {
            let Some(family) = family else { continue };
            if let Some(then) = self.note(&changelog_key(family))?.filter(|then| *then != **changelog) {
                let why = format!("'{family}' was made from the topic '{then}', and its changelog is '{changelog}' now");
                return Err(StoreError::Corrupted { store: Arc::clone(&self.name), why });
            }
            if let Some(then) = self.note(&layout_key(family))?.filter(|then| then != layout) {
                let why = format!("'{family}' holds {then}, and is to hold {layout} now");
                return Err(StoreError::Corrupted { store: Arc::clone(&self.name), why });
            }
        }
        Ok(())
    }

    /// A text of the family `meta`.
    fn note(&self, key: &str) -> Result<Option<String>, StoreError> {
        let meta = self.database.family(META);
        let read = meta.and_then(|meta| meta.read(key.as_bytes(), |bytes| String::from_utf8_lossy(bytes).into_owned()));
        read.map_err(|why| StoreError::of(&self.name, why))
    }

    /// Deletes the database of a task with all that is in it.
    pub(super) fn wipe(folder: &Path) -> Result<(), StoreError> {
        let name = name_of(folder);
        if let Err(why) = remove_left_overs(folder) {
            return Err(StoreError::Disk { store: name, what: "wiping", why: format!("{}: {why}", folder.display()) });
        }
        Database::destroy(folder).map_err(|why| StoreError::of(&name, why))
    }

    /// The bytes of a store or of the cells; `None` for a store in memory.
    pub(super) fn bytes(&self, of: Changelog) -> Option<Fronted<DiskBytes>> {
        let writes = match of {
            Changelog::Store(ix) => self.writes.get(ix).copied().unwrap_or(Writes::Go),
            // What it decides about rows must not be older than they are.
            Changelog::Cells if self.writes.contains(&Writes::Go) => Writes::Go,
            Changelog::Cells => Writes::Wait,
        };
        let family = self.family(of)?.to_owned();
        Some(Fronted::new(DiskBytes::new(Arc::clone(&self.database), family), writes, &self.budget))
    }

    /// Counts what was written to a store or to the cells, if that is on disk.
    pub(super) fn count(&mut self, of: Changelog, written: Written) {
        if self.family(of).is_some() {
            self.unflushed.records += written.records;
            self.unflushed.bytes += written.bytes;
        }
    }

    /// True when a flush is due.
    pub(super) fn flush_due(&self, now: Timestamp) -> bool {
        let waited =
            self.flushed.is_none_or(|flushed| u128::try_from(now.0 - flushed.0).is_ok_and(|ms| ms >= limits::UNFLUSHED_FOR.as_millis()));
        let Written { records, bytes } = self.unflushed;
        records > 0 && (waited || records >= limits::UNFLUSHED_CHANGELOG_RECORDS || bytes >= limits::UNFLUSHED_BYTES)
    }

    /// Changelog records that a restart would have to read again.
    pub(super) fn unflushed_records(&self) -> u64 {
        self.unflushed.records
    }

    /// Writes the positions after everything that they stand for, then makes all of it durable together.
    pub(super) fn flush(&mut self, positions: &[(Changelog, Offset)], now: Timestamp) -> Result<(), StoreError> {
        self.write_positions(positions).and_then(|()| self.database.flush()).map_err(|why| StoreError::of(&self.name, why))?;
        self.unflushed = Written::default();
        self.flushed = Some(now);
        self.bytes_on_disk = self.database.bytes_on_disk();
        Ok(())
    }

    /// Bytes of the tables on disk, as of the last flush.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        self.bytes_on_disk
    }

    fn write_positions(&self, positions: &[(Changelog, Offset)]) -> Result<(), DiskError> {
        let meta = self.database.family(META)?;
        let mut batch = Batch::new();
        batch.delete(meta, FILLING.as_bytes());
        for (changelog, offset) in positions {
            if let Some(key) = self.position_key(*changelog) {
                batch.put(meta, key.as_bytes(), &offset.to_be_bytes());
            }
        }
        for ((family, changelog), layout) in self.families.iter().zip(&self.changelogs).zip(&self.layouts) {
            if let Some(family) = family {
                batch.put(meta, changelog_key(family).as_bytes(), changelog.as_bytes());
                batch.put(meta, layout_key(family).as_bytes(), layout.as_bytes());
            }
        }
        self.database.write(batch, Sync::No)
    }

    /// The position of a changelog at the last flush; `None` when there was none, and for a store in memory.
    pub(super) fn stored_position(&self, changelog: Changelog) -> Result<Option<Offset>, StoreError> {
        let Some(key) = self.position_key(changelog) else { return Ok(None) };
        let read = self.database.family(META).and_then(|meta| meta.read(key.as_bytes(), |bytes| <[u8; 8]>::try_from(bytes)));
        match read.map_err(|why| StoreError::of(&self.name, why))? {
            None => Ok(None),
            Some(Ok(offset)) => Ok(Some(Offset::from_be_bytes(offset))),
            Some(Err(_)) => {
                let why = format!("{}: '{key}' is not a position", self.database.path().display());
                Err(StoreError::Corrupted { store: Arc::clone(&self.name), why })
            }
        }
    }

    fn position_key(&self, changelog: Changelog) -> Option<String> {
        self.family(changelog).map(|family| format!("position.{family}"))
    }

    fn family(&self, of: Changelog) -> Option<&str> {
        match of {
            Changelog::Cells => Some(CELLS),
            Changelog::Store(ix) => self.families.get(ix)?.as_deref(),
        }
    }
}

fn changelog_key(family: &str) -> String {
    format!("changelog.{family}")
}

fn layout_key(family: &str) -> String {
    format!("layout.{family}")
}

fn name_of(folder: &Path) -> Arc<str> {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into()
}
