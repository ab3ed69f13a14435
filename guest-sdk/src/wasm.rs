//! The host of a component: the imports and exports of the contract. The only file that names the generated bindings.
//!
//! Public for [`export!`](crate::export) alone.

#![doc(hidden)]

use std::cell::RefCell;
use std::ops::Bound;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::description::{Access, Carries, Description, StoreKind};
use crate::failure::Failure;
use crate::headers::{Header, Headers};
use crate::host::{Clock, Level, OpenError, Origin};
use crate::input::{Roles, Takes};
use crate::migrate::{Migrate, Step};
use crate::processor::Processor;
use crate::record::{Previous, RawOutput, RawRecord};
use crate::runner::{self, Place, Runner};

#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod node {
    wit_bindgen::generate!({
        path: "wit",
        world: "processor",
        pub_export_macro: true,
        export_macro_name: "export_node",
        default_bindings_module: "cofferdam_guest::backend::node",
        runtime_path: "cofferdam_guest::backend::rt",
        generate_all,
    });
}

#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod describe {
    wit_bindgen::generate!({
        path: "wit",
        world: "describe-part",
        pub_export_macro: true,
        export_macro_name: "export_describe",
        default_bindings_module: "cofferdam_guest::backend::describe",
        runtime_path: "cofferdam_guest::backend::rt",
        with: {
            "cofferdam:processor/types@0.1.0": crate::backend::node::cofferdam::processor::types,
            "cofferdam:processor/stores@0.1.0": crate::backend::node::cofferdam::processor::stores,
        },
    });
}

#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod batch {
    wit_bindgen::generate!({
        path: "wit",
        world: "batch-part",
        pub_export_macro: true,
        export_macro_name: "export_batch",
        default_bindings_module: "cofferdam_guest::backend::batch",
        runtime_path: "cofferdam_guest::backend::rt",
        with: {
            "cofferdam:processor/types@0.1.0": crate::backend::node::cofferdam::processor::types,
        },
    });
}

#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod migrate {
    wit_bindgen::generate!({
        path: "wit",
        world: "migrate-part",
        pub_export_macro: true,
        export_macro_name: "export_migrate",
        default_bindings_module: "cofferdam_guest::backend::migrate",
        runtime_path: "cofferdam_guest::backend::rt",
    });
}

pub use batch::export_batch;
pub use describe::export_describe;
pub use migrate::export_migrate;
pub use node::export_node;
pub use wit_bindgen::rt;

use batch::exports::cofferdam::processor::batch as batched;
use describe::exports::cofferdam::processor::describe as described;
use migrate::exports::cofferdam::processor::migrate as migrated;
use node::cofferdam::processor::{context, stores, types};
use node::exports::cofferdam::processor::node as exported;

#[path = "wasm/timed.rs"]
mod timed;

pub(crate) use stores::Row as RawRow;
pub(crate) use timed::{
    RawSession, RawVersion, SessionEntriesHandle, SessionHandle, VersionedHandle, VersionsHandle, WindowEntriesHandle, WindowHandle,
};

/// Where a component keeps its one instance.
pub type Slot<P> = RefCell<Option<Runner<P>>>;

/// What [`export!`](crate::export) makes: a processor and the place of its instance.
pub trait Component {
    type Processor: Processor;

    fn with_slot<R>(work: impl FnOnce(&Slot<Self::Processor>) -> R) -> R;
}

#[derive(Clone, Debug)]
pub(crate) struct Backend;

impl Backend {
    pub(crate) fn position(&self) -> Option<Origin> {
        context::position().map(|origin| Origin { topic: origin.topic, partition: origin.partition, offset: origin.offset })
    }

    pub(crate) fn stream_time(&self) -> Option<Timestamp> {
        context::stream_time()
    }

    pub(crate) fn now(&self) -> Timestamp {
        context::now()
    }

    pub(crate) fn random(&self) -> u64 {
        context::random()
    }

    pub(crate) fn task(&self) -> String {
        context::task()
    }

    pub(crate) fn forward(&self, outputs: Vec<RawOutput>) {
        context::forward(&lower_outputs(outputs));
    }

    pub(crate) fn forward_frame(&self, frame: &[u8]) {
        context::forward_frame(frame);
    }

    pub(crate) fn schedule(&self, name: &str, interval_ms: u64, clock: Clock, start: Option<Timestamp>) {
        let clock = match clock {
            Clock::StreamTime => context::Clock::StreamTime,
            Clock::WallClock => context::Clock::WallClock,
        };
        context::schedule(name, interval_ms, clock, start);
    }

    pub(crate) fn cancel(&self, name: &str) {
        context::cancel(name);
    }

    pub(crate) fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Trace => context::Level::Trace,
            Level::Debug => context::Level::Debug,
            Level::Info => context::Level::Info,
            Level::Warn => context::Level::Warn,
            Level::Error => context::Level::Error,
        };
        context::log(level, message);
    }

    pub(crate) fn count(&self, name: &str, by: u64) {
        context::count(name, by);
    }

    pub(crate) fn observe(&self, name: &str, value: f64) {
        context::observe(name, value);
    }

    pub(crate) fn get_cell(&self, name: &str) -> Option<Vec<u8>> {
        stores::get_cell(name)
    }

    pub(crate) fn put_cell(&self, name: &str, value: Option<&[u8]>) {
        stores::put_cell(name, value);
    }

    /// The store's name in the manifest.
    pub(crate) fn store_name(&self, role: &str) -> String {
        let grant = stores::granted().into_iter().find(|grant| grant.role == role);
        grant.map_or_else(|| role.to_owned(), |grant| grant.store)
    }

    pub(crate) fn open_key_value(&self, role: &str, access: Access) -> Result<KeyValueHandle, OpenError> {
        stores::KeyValue::open(role, lower_access(access)).map(KeyValueHandle).map_err(|error| told(role, error))
    }
}

fn told(role: &str, error: stores::OpenError) -> OpenError {
    let role = role.to_owned();
    match error {
        stores::OpenError::NotGranted(detail) => OpenError::NotGranted { role, detail },
        stores::OpenError::WrongKind(kind) => OpenError::WrongKind { role, kind: kind_name(kind) },
        stores::OpenError::ReadOnly => OpenError::ReadOnly { role },
    }
}

#[derive(Debug)]
pub(crate) struct KeyValueHandle(stores::KeyValue);

impl KeyValueHandle {
    pub(crate) fn get(&self, key: &[u8]) -> Option<RawRow> {
        self.0.get(key)
    }

    pub(crate) fn get_many_packed(&self, keys: &[u8]) -> Vec<u8> {
        self.0.get_many_packed(keys)
    }

    pub(crate) fn put(&self, key: &[u8], value: &[u8], timestamp: Option<Timestamp>) {
        self.0.put(key, value, timestamp);
    }

    pub(crate) fn delete(&self, key: &[u8]) {
        self.0.delete(key);
    }

    pub(crate) fn put_many_packed(&self, writes: &[u8]) {
        self.0.put_many_packed(writes);
    }

    pub(crate) fn put_if_absent(&self, key: &[u8], value: &[u8]) -> Option<RawRow> {
        self.0.put_if_absent(key, value, None)
    }

    pub(crate) fn approximate_count(&self) -> u64 {
        self.0.approximate_count()
    }

    pub(crate) fn range(&self, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>, descending: bool) -> EntriesHandle {
        EntriesHandle(self.0.range(&lower_bound(lower), &lower_bound(upper), order(descending)))
    }

    pub(crate) fn prefix(&self, prefix: &[u8], descending: bool) -> EntriesHandle {
        EntriesHandle(self.0.prefix(prefix, order(descending)))
    }
}

#[derive(Debug)]
pub(crate) struct EntriesHandle(stores::Entries);

impl EntriesHandle {
    pub(crate) fn next_packed(&mut self, max_bytes: u32) -> Vec<u8> {
        self.0.next_packed(max_bytes)
    }
}

fn order(descending: bool) -> stores::Order {
    if descending { stores::Order::Descending } else { stores::Order::Ascending }
}

fn lower_bound(bound: Bound<Vec<u8>>) -> stores::Bound {
    match bound {
        Bound::Unbounded => stores::Bound::Unbounded,
        Bound::Included(key) => stores::Bound::Included(key),
        Bound::Excluded(key) => stores::Bound::Excluded(key),
    }
}

fn lower_access(access: Access) -> stores::Access {
    match access {
        Access::Read => stores::Access::Read,
        Access::ReadWrite => stores::Access::ReadWrite,
    }
}

fn lower_kind(kind: StoreKind) -> stores::Kind {
    match kind {
        StoreKind::KeyValue => stores::Kind::KeyValue,
        StoreKind::Window => stores::Kind::Window,
        StoreKind::Session => stores::Kind::Session,
        StoreKind::Versioned => stores::Kind::Versioned,
    }
}

fn kind_name(kind: stores::Kind) -> &'static str {
    match kind {
        stores::Kind::KeyValue => "key-value",
        stores::Kind::Window => "window",
        stores::Kind::Session => "session",
        stores::Kind::Versioned => "versioned",
    }
}

// Records one by one: the host comes this way for punctuations; records come in frames.

fn lift_record(record: types::Record) -> RawRecord {
    let headers: Vec<Header> = record.headers.into_iter().map(|header| Header { name: header.name, value: header.value }).collect();
    RawRecord {
        key: record.key.map(Bytes::from),
        value: record.value.map(Bytes::from),
        timestamp: record.timestamp,
        headers: Headers::from(headers),
        change: record.change.map(|change| Previous { value: change.value.map(Bytes::from), latest: change.latest }),
    }
}

fn lower_outputs(outputs: Vec<RawOutput>) -> Vec<types::Output> {
    let lower_header = |header: Header| types::Header { name: header.name, value: header.value };
    outputs
        .into_iter()
        .map(|RawOutput { port, partition, record }| types::Output {
            port,
            partition,
            record: types::Record {
                key: record.key.map(Vec::from),
                value: record.value.map(Vec::from),
                timestamp: record.timestamp,
                headers: record.headers.into_vec().into_iter().map(lower_header).collect(),
                change: record.change.map(|change| types::Previous { value: change.value.map(Vec::from), latest: change.latest }),
            },
        })
        .collect()
}

fn lower_failure(failure: Failure) -> types::Failure {
    match failure {
        Failure::BadRecord(reason) => types::Failure::BadRecord(reason),
        Failure::Transient(reason) => types::Failure::Transient(reason),
        Failure::Fatal(reason) => types::Failure::Fatal(reason),
    }
}

/// Without it a panic is a bare `unreachable`.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        context::log(context::Level::Error, &format!("panicked at '{place}': {message}"));
    }));
}

fn with_instance<C: Component, R>(work: impl FnOnce(&mut Runner<C::Processor>) -> Result<R, Failure>) -> Result<R, types::Failure> {
    C::with_slot(|slot| match slot.borrow_mut().as_mut() {
        Some(instance) => work(instance).map_err(lower_failure),
        None => Err(types::Failure::Fatal("called before init".to_owned())),
    })
}

impl<C: Component> exported::Guest for C {
    fn init(setup: exported::Setup) -> Result<(), String> {
        report_panics();
        let exported::Setup { app, name, task: _, inputs, ports, config } = setup;
        let instance = Runner::init(Place { app, node: name, inputs, ports }, &config, Backend)?;
        C::with_slot(|slot| *slot.borrow_mut() = Some(instance));
        Ok(())
    }

    fn process(input: u32, record: types::Record) -> Result<Vec<types::Output>, types::Failure> {
        with_instance::<C, _>(|instance| Ok(lower_outputs(instance.process(input, lift_record(record))?)))
    }

    fn punctuate(schedule: String, time: Timestamp) -> Result<Vec<types::Output>, types::Failure> {
        with_instance::<C, _>(|instance| Ok(lower_outputs(instance.punctuate(&schedule, time)?)))
    }

    fn close() {
        C::with_slot(|slot| {
            if let Some(mut instance) = slot.borrow_mut().take() {
                instance.close();
            }
        });
    }
}

impl<C: Component> batched::Guest for C {
    fn process_frame(frame: Vec<u8>) -> Result<Vec<u8>, types::Failure> {
        with_instance::<C, _>(|instance| instance.process_frame(Bytes::from(frame)))
    }
}

impl<C> migrated::Guest for C
where
    C: Component,
    C::Processor: Migrate,
{
    fn migrate(version: u32, cursor: Option<Vec<u8>>) -> Result<migrated::Step, String> {
        C::with_slot(|slot| match slot.borrow_mut().as_mut() {
            Some(instance) => match instance.migrate(version, cursor.as_deref()) {
                Ok(Step::Done) => Ok(migrated::Step::Done),
                Ok(Step::More(cursor)) => Ok(migrated::Step::More(cursor)),
                Err(failure) => Err(failure.reason().to_owned()),
            },
            None => Err("called before init".to_owned()),
        })
    }
}

impl<C: Component> described::Guest for C {
    fn describe(config: Option<String>) -> Result<described::Description, String> {
        let (description, roles) = runner::describe::<C::Processor>(config.as_deref())?;
        Ok(lower_description(description, roles))
    }
}

fn lower_description(description: Description, roles: Roles) -> described::Description {
    let takes = |takes: Takes| match takes {
        Takes::Records => described::Takes::Records,
        Takes::Updates => described::Takes::Updates,
        Takes::Either => described::Takes::Either,
    };
    let carries = |carries: Carries| match carries {
        Carries::Records => described::Carries::Records,
        Carries::Updates => described::Carries::Updates,
        Carries::Like(role) => described::Carries::Like(role),
    };
    let inputs = match roles {
        Roles::Any(kind) => described::Inputs::Any(takes(kind)),
        Roles::Exactly(roles) => described::Inputs::Exactly(
            roles
                .into_iter()
                .map(|role| described::Input { name: role.name.into(), takes: takes(role.takes), doc: role.doc.into() })
                .collect(),
        ),
    };
    described::Description {
        doc: description.doc,
        inputs,
        ports: description
            .ports
            .into_iter()
            .map(|port| described::Port { name: port.name, carries: carries(port.carries), doc: port.doc })
            .collect(),
        stores: description
            .stores
            .into_iter()
            .map(|store| described::Store {
                role: store.role,
                kind: lower_kind(store.kind),
                access: lower_access(store.access),
                doc: store.doc,
            })
            .collect(),
        config_schema: description.config_schema.map(|schema| schema.to_string()),
        state_version: description.state_version,
    }
}
