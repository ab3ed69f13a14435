//! Step files: a topology on the virtual clock, step by step, against what it should give.
//!
//! `manifest` names the topology. The simulated broker and the real stream thread do the work: a `Bench`. Called by `cofferdam test`, and
//! by the crate `conformance`; never reads a manifest itself.

mod bench;
mod compare;
mod file;
mod run;

pub use bench::{Bench, Stage};
pub use compare::Difference;
pub use file::{Expected, ExpectedRow, Step, StepFile, StepFileError};
pub use run::run;
