//! A node of a tree that tells when it is entered and left.
//!
//! Outputs are delivered in order, each one's whole subtree before the next: what is sent to `exit` last arrives when the node's subtree
//! has seen everything.

use cofferdam_guest::{Context, Description, Failure, Record, Timestamp};
use serde::Deserialize;

use crate::Texts;
use crate::functions::shown;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Once, to all.
    All,
    /// Twice, the second 1 ms later.
    Twice,
    /// To port `c`, to all, to port `b`.
    Named,
    /// To nobody.
    Leaf,
}

pub(crate) fn describe(node: Description, mode: Mode) -> Description {
    let node = node.port("enter", "what came").port("exit", "what came, when all below has seen it");
    match mode {
        Mode::Named => node.port("b", "to node B").port("c", "to node C"),
        Mode::All | Mode::Twice | Mode::Leaf => node,
    }
}

pub(crate) fn run(name: &str, mode: Mode, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let value = shown(record.value.as_deref());
    let told = |suffix: &str, late: Timestamp| Record::new(record.key.clone(), format!("{value}/{name}{suffix}"), record.timestamp + late);
    ctx.forward_to("enter", record.clone())?;
    match mode {
        Mode::All => ctx.forward(told("", 0))?,
        Mode::Twice => {
            ctx.forward(told("1", 0))?;
            ctx.forward(told("2", 1))?;
        }
        Mode::Named => {
            ctx.forward_to("c", told("-to-C", 0))?;
            ctx.forward(told("-to-all", 0))?;
            ctx.forward_to("b", told("-to-B", 0))?;
        }
        Mode::Leaf => {}
    }
    ctx.forward_to("exit", record)
}
