//! Whether a component can work on the state that there is: `describe` gives the version in which it keeps its state, and a cell beside the
//! state says of which version that is.

use crate::error::Diagnostic;
use crate::node::Lent;
use crate::sandbox::NodeSetup;
use crate::store::{StateVersion, StoreError};
use crate::topology::StoreAccess;

/// What a component has to do before its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing: the state is of its version.
    Fits,
    /// Take over the state of an older version.
    Behind,
}

/// A component, as far as its state is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keeper {
    /// The version in which it keeps its state.
    pub version: u32,
    /// Whether it takes over the state of older ones.
    pub migrates: bool,
}

/// How a component stands to the state of its node in a task. Where there is no state yet, what comes will be of its version.
pub(super) fn standing(setup: &NodeSetup, keeper: Keeper, env: &mut Lent) -> Result<Standing, Diagnostic> {
    let Some(env) = env else { return Ok(Standing::Fits) };
    let failed = |why: StoreError| Diagnostic::run("C033", format!("the state version of '{}' cannot be read", setup.name)).because(why);
    let there = match env.stores.state_version(&setup.name).map_err(failed)? {
        Some(StateVersion::Whole(there)) => there,
        Some(StateVersion::Between { from, to, .. }) if to == keeper.version => return behind(setup, keeper, from),
        Some(StateVersion::Between { from, to, .. }) => return Err(between(setup, keeper, from, to)),
        None if keeper.version == 0 => 0,
        None => {
            let written = setup.grants.iter().filter(|grant| grant.access == StoreAccess::ReadWrite).map(|grant| grant.index);
            if env.stores.has_state(&setup.name, written).map_err(failed)? {
                0
            } else {
                env.stores.put_state_version(&setup.name, &StateVersion::Whole(keeper.version)).map_err(failed)?;
                keeper.version
            }
        }
    };
    match there.cmp(&keeper.version) {
        std::cmp::Ordering::Equal => Ok(Standing::Fits),
        std::cmp::Ordering::Less => behind(setup, keeper, there),
        std::cmp::Ordering::Greater => Err(older(&setup.name, there, keeper.version)),
    }
}

fn behind(setup: &NodeSetup, keeper: Keeper, there: u32) -> Result<Standing, Diagnostic> {
    if keeper.migrates { Ok(Standing::Behind) } else { Err(cannot_migrate(&setup.name, there, keeper.version)) }
}

/// Refuses a component that is older than the state.
pub(super) fn older(node: &str, there: u32, version: u32) -> Diagnostic {
    problem("C030", node, there, version)
        .hint("it would misread what is in the stores: take a component of the state version that is there")
}

/// Refuses a component that is newer than the state and does not know the older layout.
pub(super) fn cannot_migrate(node: &str, there: u32, version: u32) -> Diagnostic {
    let problem = problem("C031", node, there, version).because("it does not export `migrate`");
    problem.hint(
        "let it take over the older state (`Migrate` of the SDK), take one of the state version that is there, or begin anew (`reset`)",
    )
}

fn problem(code: &'static str, node: &str, there: u32, version: u32) -> Diagnostic {
    let what = if version < there { "older" } else { "newer" };
    let problem = Diagnostic::usage(code, format!("the component of '{node}' is {what} than its state"));
    problem.because(format!("it keeps state of version {version}; what is there is of version {there}"))
}

fn between(setup: &NodeSetup, keeper: Keeper, from: u32, to: u32) -> Diagnostic {
    let why = format!("it keeps state of version {}; a part of what is there is of version {from} still", keeper.version);
    Diagnostic::usage("C032", format!("the state of '{}' is on its way to version {to}", setup.name))
        .because(why)
        .hint(format!("take a component of state version {to} first: it goes on where the one before has stopped"))
}
