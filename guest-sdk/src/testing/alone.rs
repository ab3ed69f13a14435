//! Contexts, setups and stores without a processor: for tests of code that is handed one.

use super::host;
use crate::backend::{Backend, World};
use crate::context::{Context, Setup};
use crate::description::{Access, StoreKind};
use crate::failure::Failure;
use crate::host::{Host, OpenError, Origin};
use crate::output::frame_of;
use crate::ports::Ports;
use crate::record::{RawOutput, RawRecord};
use crate::session_store::SessionStore;
use crate::store::KeyValue;
use crate::versioned_store::VersionedStore;
use crate::window_store::WindowStore;

fn world_with(roles: &[(&str, StoreKind)]) -> Backend {
    let granted = roles.iter().map(|(role, kind)| ((*role).to_owned(), (*kind, Access::ReadWrite))).collect();
    Backend::new(World::new(granted, Vec::new()))
}

/// A store of this role, whatever the processor may do there.
pub(super) fn opened<S>(backend: &Backend, role: &str, kind: StoreKind, open: fn(&Host, &str) -> Result<S, OpenError>) -> S {
    {
        let mut world = backend.0.borrow_mut();
        if let Some(shape) = world.shapes.get(role).filter(|shape| shape.kind() != kind) {
            panic!("store `{role}` is a {} store in this test", shape.kind().name());
        }
        world.granted.insert(role.to_owned(), (kind, Access::ReadWrite));
    }
    match open(&host(backend), role) {
        Ok(store) => store,
        Err(error) => panic!("{error}"),
    }
}

/// Runs a piece of code as if it stood in `process`, for a record with neither key nor value at time 0, and gives what it forwarded.
///
/// ```
/// # use cofferdam_guest::testing::in_context;
/// let outputs = in_context(|ctx| ctx.forward(("SFO", "12")))?;
/// assert_eq!(outputs.len(), 1);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
///
/// # Errors
/// The code's.
pub fn in_context(work: impl FnOnce(&mut Context) -> Result<(), Failure>) -> Result<Vec<RawOutput>, Failure> {
    let backend = world_with(&[]);
    {
        let mut world = backend.0.borrow_mut();
        world.stream_time = Some(0);
        world.position = Some(Origin { topic: "test".into(), partition: 0, offset: 0 });
    }
    let mut context = Context::new(host(&backend), "test".to_owned(), vec!["in".to_owned()], Ports::Any(Vec::new()));
    let frame = frame_of(0, RawRecord::default())?;
    context.begin_alone(&frame);
    work(&mut context)?;
    let mut outputs = std::mem::take(&mut backend.0.borrow_mut().forwarded);
    outputs.append(&mut context.take_outputs());
    Ok(outputs)
}

/// A setup that gives key-value stores of these roles, to read and write.
///
/// ```
/// let mut setup = cofferdam_guest::testing::setup(&["counts"]);
/// assert!(setup.key_value::<String, u64>("counts").is_ok());
/// ```
pub fn setup(roles: &[&str]) -> Setup {
    setup_with(&roles.iter().map(|role| (*role, StoreKind::KeyValue)).collect::<Vec<_>>())
}

/// A setup that gives stores of these roles and kinds, to read and write.
///
/// ```
/// use cofferdam_guest::StoreKind;
/// let mut setup = cofferdam_guest::testing::setup_with(&[("counts", StoreKind::Window)]);
/// assert!(setup.window_store::<String, u64>("counts").is_ok());
/// assert_eq!(setup.key_value::<String, u64>("counts").unwrap_err().to_string(), "store `counts` is a window store");
/// ```
pub fn setup_with(roles: &[(&str, StoreKind)]) -> Setup {
    let host = host(&world_with(roles));
    Setup { app: "test".into(), node: "test".into(), inputs: vec!["in".into()], ports: Vec::new(), host }
}

/// A key-value store of its own, for tests of code that is handed one.
///
/// ```
/// let store = cofferdam_guest::testing::key_value::<String, u64>();
/// store.put("SFO", &7)?;
/// assert_eq!(store.get("SFO")?, Some(7));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn key_value<K, V>() -> KeyValue<K, V> {
    opened(&world_with(&[]), "test", StoreKind::KeyValue, KeyValue::open)
}

/// A window store of its own, for tests of code that is handed one. Nothing expires there.
///
/// ```
/// let store = cofferdam_guest::testing::window_store::<String, u64>();
/// store.put("SFO", 1_000, &7)?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn window_store<K, V>() -> WindowStore<K, V> {
    opened(&world_with(&[]), "test", StoreKind::Window, WindowStore::open)
}

/// A session store of its own, for tests of code that is handed one. Nothing expires there.
///
/// ```
/// let store = cofferdam_guest::testing::session_store::<String, u64>();
/// store.put("SFO", 10, 20, &7)?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn session_store<K, V>() -> SessionStore<K, V> {
    opened(&world_with(&[]), "test", StoreKind::Session, SessionStore::open)
}

/// A versioned store of its own, for tests of code that is handed one. Nothing expires there.
///
/// ```
/// let store = cofferdam_guest::testing::versioned_store::<String, u64>();
/// store.put("SFO", &7, 1_000)?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn versioned_store<K, V>() -> VersionedStore<K, V> {
    opened(&world_with(&[]), "test", StoreKind::Versioned, VersionedStore::open)
}
