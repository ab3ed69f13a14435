//! A family on its way to very many rows: they are gathered, and sorted and made to tables by a thread of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::{fs, io, mem};

use super::run::Run;
use crate::disk::{Compactions, Database, DiskError};
use crate::limits;

/// Folders of tables in the making, in that of the database: this, and the name of the family.
const FOLDER: &str = "filling.";

/// A family that is filled. Dropped in the middle, it leaves the family with a part of the rows.
#[derive(Debug)]
pub(super) struct DiskFill {
    database: Arc<Database>,
    family: String,
    run: Run,
    /// Makes the last table. It waits for the one before before it puts it in: later rows lie over earlier ones.
    maker: Option<JoinHandle<Result<(), DiskError>>>,
    /// Each thread that makes a table has one of these.
    making: Arc<()>,
    /// Where tables are made.
    folder: PathBuf,
    tables: u32,
}

impl DiskFill {
    pub fn begin(database: &Arc<Database>, family: &str) -> Result<Self, DiskError> {
        let folder = database.path().join(format!("{FOLDER}{family}"));
        fs::create_dir_all(&folder).map_err(|why| database.io("making the folder of tables", why))?;
        database.set_compactions(family, Compactions::Off)?;
        let (database, family) = (Arc::clone(database), family.to_owned());
        Ok(Self { database, family, run: Run::default(), maker: None, making: Arc::default(), folder, tables: 0 })
    }

    pub fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.run.push(key, value);
    }

    /// Has a table made when the rows are worth one, and not too many are made already.
    pub fn write(&mut self) -> Result<(), DiskError> {
        if self.is_full() && !self.must_wait() { self.make_table() } else { Ok(()) }
    }

    /// True while there are rows for a table, and too many are made already.
    pub fn must_wait(&self) -> bool {
        self.is_full() && self.tables_made_now() >= limits::RESTORE_TABLES
    }

    /// True while a table is made.
    pub fn is_busy(&self) -> bool {
        self.tables_made_now() > 0
    }

    /// Has a table made of the last rows.
    pub fn close(&mut self) -> Result<(), DiskError> {
        if self.run.is_empty() { Ok(()) } else { self.make_table() }
    }

    /// The family has all rows.
    pub fn end(mut self) -> Result<(), DiskError> {
        self.close()?;
        await_table(&self.database, self.maker.take())?;
        fs::remove_dir(&self.folder).map_err(|why| self.database.io("removing the folder of tables", why))?;
        self.database.set_compactions(&self.family, Compactions::On)
    }

    fn is_full(&self) -> bool {
        self.run.bytes() >= limits::RESTORE_RUN_BYTES
    }

    fn tables_made_now(&self) -> usize {
        Arc::strong_count(&self.making) - 1
    }

    fn make_table(&mut self) -> Result<(), DiskError> {
        let next = Run::like(&self.run);
        let mut run = mem::replace(&mut self.run, next);
        let (database, family) = (Arc::clone(&self.database), self.family.clone());
        let by = self.folder.join(format!("{}.{}", self.family, self.tables));
        self.tables += 1;
        let (before, making) = (self.maker.take(), Arc::clone(&self.making));
        let made = move || {
            let made = database.make_table(&family, &by, run.sorted().into_iter());
            // Its room is for the runs to come.
            drop(run);
            let put_in = await_table(&database, before).and_then(|()| if made? { database.add_table(&family, &by) } else { Ok(()) });
            drop(making);
            put_in
        };
        let maker = thread::Builder::new().name("restore-table".into()).spawn(made);
        self.maker = Some(maker.map_err(|why| self.database.io("starting a thread", why))?);
        Ok(())
    }
}

fn await_table(database: &Database, maker: Option<JoinHandle<Result<(), DiskError>>>) -> Result<(), DiskError> {
    let Some(maker) = maker else { return Ok(()) };
    maker.join().unwrap_or_else(|_| Err(database.io("making a table", "its thread panicked")))
}

impl Drop for DiskFill {
    fn drop(&mut self) {
        if let Some(maker) = self.maker.take() {
            // Whoever drops it may remove the database next. The rows were given up, whatever became of them.
            let _ = maker.join();
        }
    }
}

/// Removes what fills that were cut short have left in the folder of a database.
pub(super) fn remove_left_overs(database: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(database) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(FOLDER) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
