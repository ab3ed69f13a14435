//! Scripts of stores: each operation is a record.

use serde_json::{Value, json};

use crate::params::{Params, Skip};
use crate::topology::{Access, Guest, OPERATIONS, Out, OutForm, Topology, Wiring};
use crate::vector::InputKind::Stream;

pub fn key_value(params: &Params<'_>) -> Result<Topology, Skip> {
    script(params, "key-value", &[])
}

/// A store of this kind, behind the guest that does the operations. `keys`: what the manifest says of the store.
fn script(params: &Params<'_>, kind: &str, keys: &[(&str, Value)]) -> Result<Topology, Skip> {
    params.inputs(&[])?;
    let mut topology = Topology::new();
    let wiring = Wiring::from([OPERATIONS]).with_stores(&[("rows", "rows", Access::Write)]);
    topology
        .input(OPERATIONS, Stream)
        .store("rows", kind, keys)
        .processor("script", Guest::StoreScript, &wiring, &json!({"kind": kind}))
        .sink("out", &["script"], Out { label: None, form: OutForm::Row });
    Ok(topology)
}
