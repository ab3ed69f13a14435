//! A task's stores: the running transaction's overlay, and what lies below it in memory and on disk.

use std::hint::black_box;
use std::ops::Bound::Unbounded;
use std::ops::ControlFlow;

use bytes::Bytes;
use cofferdam::deploy::state_budget;
use cofferdam::disk::Budget;
use cofferdam::limits;
use cofferdam::record::{RecordRef, Timestamp};
use cofferdam::store::{Changelog, Home, Row, ScanOrder, StoreConfig, TaskStores};
use cofferdam::topology::{Backend, StoreShape};
use tempfile::TempDir;

use crate::Case;
use crate::data::{key, row};

/// Rows of a store, and of a transaction.
pub(crate) const ROWS: usize = 1_000;

/// One store; 0 is its index.
pub(crate) struct Store {
    pub(crate) stores: TaskStores,
    /// What the cases write and ask for: keys in an order that is not their own.
    pub(crate) rows: Vec<(Bytes, Row)>,
    _folder: TempDir,
}

/// As a host has it, unless its manifest says otherwise: all rows of a case have room in front of their backend.
pub(crate) fn roomy() -> Budget {
    state_budget(limits::STATE_MEMORY_BYTES)
}

/// No row has room in front of its backend for longer than a call: so goes a store that is far larger than its share.
pub(crate) fn cramped() -> Budget {
    roomy().with_rows(0)
}

impl Store {
    /// Opened as a task of a host opens its stores.
    pub(crate) fn empty(backend: Backend, budget: &Budget) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home { folder: folder.path(), budget };
        let config =
            StoreConfig { name: "rows".into(), shape: StoreShape::KeyValue { ttl: None }, backend, changelog: "rows-changelog".into() };
        let stores = TaskStores::open(Some(home), vec![config]).expect("the stores open");
        // 7 and 1,000 have no divisor in common.
        let rows = (0..ROWS).map(|number| number * 7 % ROWS).map(|number| (key(number), row(number))).collect();
        Self { stores, rows, _folder: folder }
    }

    /// With all rows in the store below the overlay, and on disk flushed.
    fn filled(backend: Backend, budget: &Budget) -> Self {
        let mut store = Self::empty(backend, budget);
        store.put_and_apply();
        store.stores.flush(&[(Changelog::Store(0), 1)], Timestamp(0)).expect("the stores are flushed");
        store
    }

    pub(crate) fn put_all(&mut self) {
        for (key, row) in &self.rows {
            self.stores.put(0, key, Some(row.clone())).expect("a row is put");
        }
    }

    /// What the transaction has for the changelog.
    pub(crate) fn show_changes(&mut self, mut show: impl FnMut(RecordRef<'_>)) {
        let shown = self.stores.show_changes(|_, record| {
            show(record);
            ControlFlow::Continue(())
        });
        shown.expect("the changes can be made");
    }

    fn put_and_apply(&mut self) {
        self.put_all();
        self.stores.apply().expect("the stores are written");
    }

    fn get_all(&mut self) {
        for (key, _) in &self.rows {
            assert!(black_box(self.stores.get(0, key)).is_ok_and(|row| row.is_some()));
        }
    }

    fn get_many(&mut self) {
        let keys: Vec<&[u8]> = self.rows.iter().map(|(key, _)| &key[..]).collect();
        assert!(black_box(self.stores.get_many(0, &keys)).is_ok_and(|rows| rows.len() == ROWS));
    }

    fn scan(&mut self) {
        let rows = self.stores.scan(0, Unbounded, Unbounded, ScanOrder::Ascending, usize::MAX);
        assert!(black_box(rows).is_ok_and(|rows| rows.len() == ROWS));
    }
}

fn case(name: impl Into<String>, mut store: Store, mut work: impl FnMut(&mut Store) + 'static) -> Case {
    Case::new(name, ROWS, move || work(&mut store))
}

pub(crate) fn overlay() -> Vec<Case> {
    let empty = || Store::empty(Backend::Memory, &roomy());
    let written = || {
        let mut store = empty();
        store.put_all();
        store
    };
    // Every other row of the transaction is one that the store has too.
    let half_written = || {
        let mut store = Store::filled(Backend::Memory, &roomy());
        for (key, row) in store.rows.iter().step_by(2) {
            store.stores.put(0, key, Some(row.clone())).expect("a row is put");
        }
        store
    };
    vec![
        case("overlay/put and discard", empty(), |store| {
            store.put_all();
            store.stores.discard();
        }),
        case("overlay/put again and release", written(), |store| {
            let begin = store.stores.savepoint();
            store.put_all();
            store.stores.release(begin);
        }),
        case("overlay/put again and roll back", written(), |store| {
            let begin = store.stores.savepoint();
            store.put_all();
            store.stores.roll_back(begin);
            store.stores.release(begin);
        }),
        case("overlay/get", written(), Store::get_all),
        case("overlay/get many", written(), Store::get_many),
        case("overlay/scan over a store", half_written(), Store::scan),
        case("changelog/changes of a transaction", written(), |store| {
            let mut count = 0;
            store.show_changes(|record| count += usize::from(black_box(record).key.is_some()));
            assert_eq!(count, ROWS);
        }),
    ]
}

pub(crate) fn in_memory() -> Vec<Case> {
    below("store in memory", Backend::Memory)
}

pub(crate) fn on_disk() -> Vec<Case> {
    below("store on disk", Backend::RocksDb)
}

/// What is read lies in front of the backend, unless the case says otherwise; a scan goes to the backend.
fn below(group: &str, backend: Backend) -> Vec<Case> {
    let filled = || Store::filled(backend, &roomy());
    let pushed_back = || Store::filled(backend, &cramped());
    vec![
        case(format!("{group}/get"), filled(), Store::get_all),
        case(format!("{group}/get many"), filled(), Store::get_many),
        case(format!("{group}/get many, none in front"), pushed_back(), Store::get_many),
        case(format!("{group}/scan"), filled(), Store::scan),
        case(format!("{group}/put and apply"), filled(), Store::put_and_apply),
        case(format!("{group}/put and apply, none in front"), pushed_back(), Store::put_and_apply),
    ]
}
