//! Single functions of the host as pieces of work that are the same each time: `benches/micro.rs` measures their time, `bin/counts.rs` their
//! instructions.

#![allow(clippy::expect_used, reason = "what cannot be measured says why and ends")]

mod calls;
mod codecs;
mod data;
mod frames;
mod rows;
mod stores;

/// A piece of work. Doing it again does the same.
pub struct Case {
    /// `group/function`, and what it is done to.
    pub name: String,
    /// Records, rows or blobs that it does at a time.
    pub elements: u64,
    /// Does it once.
    pub work: Box<dyn FnMut()>,
}

impl Case {
    fn new(name: impl Into<String>, elements: usize, work: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), elements: elements as u64, work: Box::new(work) }
    }
}

/// Makes ready the cases whose instructions are counted.
pub type Maker = fn() -> Vec<Case>;

/// Groups of cases whose instructions are the same in every run.
pub const COUNTED: &[Maker] = &[frames::cases, stores::overlay, rows::cases, stores::in_memory, stores::on_disk, codecs::cases];

/// Calls of components, in machine code that was compiled a moment ago.
pub const CALLS: &[Maker] = &[calls::cases];
