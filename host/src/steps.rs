//! Step files: a topology on the virtual clock, step by step, against what it should give.
//!
//! The format is that of the conformance vectors; `manifest` names the topology. The simulated broker and the real stream thread do the
//! work. Called by `cofferdam test`; never reads a manifest itself.

mod compare;
mod file;
mod run;

pub use compare::Difference;
pub use file::{Expected, ExpectedRow, Step, StepFile, StepFileError};
pub use run::{Bench, run};
