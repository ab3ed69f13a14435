//! What a component says of itself.

use std::sync::Arc;

use super::bindings::cofferdam::processor::stores::Access;
use super::bindings::exports::cofferdam::processor::describe as wit;
use super::engine::Deadline;
use super::failing::size;
use super::guest_log::one_line;
use super::instance::{new_store, run};
use super::loaded::Loaded;
use super::open_stores::kind_from_guest;
use super::setup::{NodeLimits, NodeSetup};
use super::state::{Carried, Phase, State};
use crate::error::Diagnostic;
use crate::limits;
use crate::node::Failure;
use crate::topology::{Carries, Description, InputRole, Inputs, Port, StoreAccess, StoreRole, Takes};

/// Asks a component to describe itself, for this config or in general; `None` when it does not export `describe`. Runs in an instance of its own
/// that has no task behind it.
pub fn describe(loaded: &Loaded, config: Option<&str>) -> Result<Option<Description>, Diagnostic> {
    let Some(indices) = &loaded.describe else { return Ok(None) };
    let mut store = new_store(loaded, State::new(Arc::new(nobody(loaded)), Phase::Describe, Carried::default(), &loaded.engine));
    let answer = run(&mut store, &mut None, Phase::Describe, Deadline::new(limits::INIT_DEADLINE), |store| {
        let instance = loaded.pre.instantiate(&mut *store)?;
        indices.load(&mut *store, &instance)?.call_describe(store, config)
    });
    match answer {
        Ok(Ok(description)) => match too_much(&description) {
            None => Ok(Some(from_guest(description))),
            Some(why) => Err(Diagnostic::usage("C109", format!("component '{}' cannot describe itself", loaded.name)).because(why)),
        },
        Ok(Err(refusal)) => Err(Diagnostic::usage("C110", format!("component '{}' refuses its config", loaded.name))
            .because(one_line(&refusal, limits::REASON_BYTES))),
        Err(failure) => {
            let frames = if let Failure::Trap { frames, .. } = &failure { frames.as_slice() } else { &[] };
            let failed = Diagnostic::usage("C109", format!("component '{}' cannot describe itself", loaded.name)).because(&failure);
            Err(frames.iter().fold(failed, |failed, frame| failed.because(format!("in {frame}"))))
        }
    }
}

/// A place in no task, for an instance that is only asked.
fn nobody(loaded: &Loaded) -> NodeSetup {
    NodeSetup {
        app: "".into(),
        name: loaded.name.clone(),
        node: 0,
        task: "describe".into(),
        inputs: Vec::new(),
        ports: Vec::new(),
        config: "{}".into(),
        grants: Vec::new(),
        limits: NodeLimits::default(),
        allow: Vec::new(),
        metrics: Arc::default(),
    }
}

/// What is beyond the limits of a description. Names come into messages, topics of repartition edges and metrics.
fn too_much(told: &wit::Description) -> Option<String> {
    let roles: &[wit::Input] = if let wit::Inputs::Exactly(roles) = &told.inputs { roles } else { &[] };
    for (what, count) in [("inputs", roles.len()), ("ports", told.ports.len()), ("stores", told.stores.len())] {
        if count > limits::DESCRIBED {
            return Some(format!("it describes {count} {what}; the limit is {}", limits::DESCRIBED));
        }
    }
    let schema = told.config_schema.as_ref().map_or(0, String::len);
    if schema > limits::CONFIG_SCHEMA_BYTES {
        return Some(format!("its config schema has {}; the limit is {}", size(schema), size(limits::CONFIG_SCHEMA_BYTES)));
    }
    let names = roles.iter().map(|r| &r.name).chain(told.ports.iter().map(|p| &p.name)).chain(told.stores.iter().map(|s| &s.role));
    names.map(String::as_str).find_map(|name| {
        if name.len() > limits::GUEST_NAME_BYTES {
            return Some(format!("a name in it has {} bytes; the limit is {}", name.len(), limits::GUEST_NAME_BYTES));
        }
        name.contains(char::is_control).then(|| format!("the name '{}' in it has a control character", name.escape_debug()))
    })
}

fn from_guest(told: wit::Description) -> Description {
    let short = |doc: String| one_line(&doc, limits::REASON_BYTES);
    Description {
        doc: short(told.doc),
        inputs: match told.inputs {
            wit::Inputs::Any(kind) => Inputs::Any(takes(kind)),
            wit::Inputs::Exactly(roles) => {
                Inputs::Exactly(roles.into_iter().map(|r| InputRole { name: r.name, takes: takes(r.takes), doc: short(r.doc) }).collect())
            }
        },
        ports: told.ports.into_iter().map(|p| Port { name: p.name, carries: carries(p.carries), doc: short(p.doc) }).collect(),
        stores: told.stores.into_iter().map(store).collect(),
        config_schema: told.config_schema,
        state_version: told.state_version,
    }
}

fn takes(kind: wit::Takes) -> Takes {
    match kind {
        wit::Takes::Records => Takes::Records,
        wit::Takes::Updates => Takes::Updates,
        wit::Takes::Either => Takes::Either,
    }
}

fn carries(kind: wit::Carries) -> Carries {
    match kind {
        wit::Carries::Records => Carries::Records,
        wit::Carries::Updates => Carries::Updates,
        wit::Carries::Like(role) => Carries::Like(role),
    }
}

fn store(role: wit::Store) -> StoreRole {
    StoreRole {
        role: role.role,
        kind: kind_from_guest(role.kind),
        access: match role.access {
            Access::Read => StoreAccess::Read,
            Access::ReadWrite => StoreAccess::ReadWrite,
        },
        doc: one_line(&role.doc, limits::REASON_BYTES),
    }
}
