//! Whether the functions that a component exports have the types of the contract: known when it is loaded, not at the first call.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentNamedList, InstancePre, Lift, Lower};

use super::bindings::cofferdam::processor::types::{Failure, Output, RecordParam};
use super::bindings::exports::cofferdam::processor::describe::Description;
use super::bindings::exports::cofferdam::processor::migrate::Step;
use super::bindings::exports::cofferdam::processor::node::Setup;
use super::imports::{CONTRACT, CONTRACT_VERSION};
use super::state::State;

/// Checks every function of the interfaces that are there; says which does not fit, and how.
pub(super) fn check(pre: &InstancePre<State>) -> wasmtime::Result<()> {
    type Outputs = (Result<Vec<Output>, Failure>,);
    fits::<(Setup<'_>,), (Result<(), String>,)>(pre, "node", "init")?;
    fits::<(u32, RecordParam<'_>), Outputs>(pre, "node", "process")?;
    fits::<(&str, i64), Outputs>(pre, "node", "punctuate")?;
    fits::<(), ()>(pre, "node", "close")?;
    fits::<(Option<&str>,), (Result<Description, String>,)>(pre, "describe", "describe")?;
    fits::<(u32, Option<&[u8]>), (Result<Step, String>,)>(pre, "migrate", "migrate")?;
    fits::<(&[u8],), (Result<Vec<u8>, Failure>,)>(pre, "batch", "process-frame")
}

/// The bindings find functions by name alone, and look at their types in an instance, when it is too late for `check`.
fn fits<Params, Return>(pre: &InstancePre<State>, interface: &str, function: &str) -> wasmtime::Result<()>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let component = pre.component();
    let Some(instance) = component.get_export_index(None, format!("{CONTRACT}{interface}@{CONTRACT_VERSION}")) else { return Ok(()) };
    match component.get_export(Some(&instance), function) {
        Some((ComponentItem::ComponentFunc(found), _)) => {
            found.typecheck::<Params, Return>(&pre.instance_type()).map_err(|e| e.context(format!("{interface}.{function}")))
        }
        _ => Err(wasmtime::Error::msg(format!("{interface}.{function} is no function"))),
    }
}
