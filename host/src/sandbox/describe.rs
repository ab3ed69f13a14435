//! What a component says of itself.

use std::sync::Arc;

use super::bindings::cofferdam::processor::stores::Access;
use super::bindings::exports::cofferdam::processor::describe as wit;
use super::engine::Deadline;
use super::instance::{new_store, run};
use super::loaded::Loaded;
use super::open_stores::kind_from_guest;
use super::setup::{NodeLimits, NodeSetup};
use super::state::{Carried, Phase, State};
use crate::error::Diagnostic;
use crate::limits;
use crate::node::Failure;
use crate::topology::{Carries, Description, InputRole, Inputs, NodeIx, Port, StoreAccess, StoreRole, Takes};

/// Asks a component to describe itself, for this config or in general; `None` when it does not export `describe`. Runs in an instance of its own
/// that has no task behind it.
pub fn describe(loaded: &Loaded, config: Option<&str>) -> Result<Option<Description>, Diagnostic> {
    let Some(indices) = &loaded.describe else { return Ok(None) };
    let mut store = new_store(loaded, State::new(Arc::new(nobody(loaded)), Phase::Describe, Carried::default()));
    let answer = run(&mut store, &mut None, Phase::Describe, Deadline::new(limits::INIT_DEADLINE), |store| {
        let instance = loaded.pre.instantiate(&mut *store)?;
        indices.load(&mut *store, &instance)?.call_describe(store, config)
    });
    match answer {
        Ok(Ok(description)) => Ok(Some(from_guest(description))),
        Ok(Err(refusal)) => Err(Diagnostic::usage("C110", format!("component '{}' refuses its config", loaded.name)).because(refusal)),
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
        node: NodeIx(0),
        task: "describe".into(),
        inputs: Vec::new(),
        ports: Vec::new(),
        config: "{}".into(),
        grants: Vec::new(),
        limits: NodeLimits::default(),
        metrics: Arc::default(),
    }
}

fn from_guest(told: wit::Description) -> Description {
    Description {
        doc: told.doc,
        inputs: match told.inputs {
            wit::Inputs::Any(kind) => Inputs::Any(takes(kind)),
            wit::Inputs::Exactly(roles) => {
                Inputs::Exactly(roles.into_iter().map(|r| InputRole { name: r.name, takes: takes(r.takes), doc: r.doc }).collect())
            }
        },
        ports: told.ports.into_iter().map(|p| Port { name: p.name, carries: carries(p.carries), doc: p.doc }).collect(),
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
        doc: role.doc,
    }
}
