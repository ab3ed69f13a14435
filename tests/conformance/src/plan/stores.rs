//! Scripts of stores: each operation is a record.

use serde_json::{Value, json};

use crate::params::{Params, Skip};
use crate::topology::{Access, Guest, OPERATIONS, Out, OutForm, Topology, Wiring};
use crate::vector::InputKind::Stream;

pub fn key_value(params: &Params<'_>) -> Result<Topology, Skip> {
    script(params, "key-value", &[])
}

pub fn window(params: &Params<'_>) -> Result<Topology, Skip> {
    let keys = [
        ("window", params.ms("window_size_ms")?),
        ("retention", params.ms("retention_ms")?),
        ("duplicates", params.flag("retain_duplicates")?.into()),
    ];
    script(params, "window", &keys)
}

pub fn session(params: &Params<'_>) -> Result<Topology, Skip> {
    script(params, "session", &[("retention", params.ms("retention_ms")?)])
}

pub fn versioned(params: &Params<'_>) -> Result<Topology, Skip> {
    let segments = params.ms_if_any("segment_interval_ms")?.map(|interval| ("segment-interval", interval));
    let keys = [("history", params.ms("history_retention_ms")?)];
    script(params, "versioned", &keys.into_iter().chain(segments).collect::<Vec<_>>())
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
