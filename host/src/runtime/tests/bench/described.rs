//! What the components of these tests say of themselves.

use crate::topology::{Carries, Description, InputRole, Inputs, Port, StoreAccess, StoreKind, StoreRole, Takes};

/// What a component of these tests says of itself: nodes named `count..` need a store, `join..` takes a stream and a table.
pub(super) fn description(name: &str) -> Description {
    let role = |name: &str, takes| InputRole { name: name.into(), takes, doc: String::new() };
    let port = |name: &str| Port { name: name.into(), carries: Carries::Records, doc: String::new() };
    let store = || StoreRole { role: "state".into(), kind: StoreKind::KeyValue, access: StoreAccess::ReadWrite, doc: String::new() };
    let inputs = match name.starts_with("join") {
        true => Inputs::Exactly(vec![role("left", Takes::Records), role("right", Takes::Updates)]),
        false => Inputs::Any(Takes::Either),
    };
    let like = Port { name: String::new(), carries: Carries::Like(String::new()), doc: String::new() };
    let default = if name.starts_with("keep") { like } else { port("") };
    Description {
        doc: String::new(),
        inputs,
        ports: vec![default, port("odd")],
        stores: if name.starts_with("count") { vec![store()] } else { Vec::new() },
        config_schema: None,
        state_version: 1,
    }
}
