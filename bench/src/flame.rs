//! Draws what `perf script` prints: `flame TITLE OUT.svg`, from the standard input.
//!
//! Each stack begins with its thread. That of the program itself, which fills the log and waits, is left out. The kernel's functions end
//! in `_[k]`; wasmtime cuts long names of guests' functions off, and those stay as the compiler has them.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result, bail};
use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options as FoldOptions};
use inferno::flamegraph::color::{MultiPalette, Palette};
use inferno::flamegraph::{self, Options};

const OWN_THREAD: &str = "bench;";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [title, out] = arguments.as_slice() else { bail!("flame TITLE OUT.svg") };
    let mut folding = FoldOptions::default();
    folding.annotate_kernel = true;
    let mut folded = Vec::new();
    Folder::from(folding).collapse(std::io::stdin().lock(), &mut folded).context("what perf prints")?;
    let folded = String::from_utf8_lossy(&folded);
    let stacks: Vec<String> = folded.lines().filter(|line| !line.starts_with(OWN_THREAD)).map(readable).collect();
    if !stacks.iter().any(|stack| stack.starts_with("stream-")) {
        bail!("perf has seen no stream thread: was it too short?");
    }
    let mut options = Options::default();
    options.title = title.clone();
    options.colors = Palette::Multi(MultiPalette::Java);
    let mut svg = BufWriter::new(File::create(out).with_context(|| out.clone())?);
    flamegraph::from_lines(&mut options, stacks.iter().map(String::as_str), &mut svg)?;
    svg.flush()?;
    Ok(())
}

/// A stack with the names as they stand in the sources.
fn readable(stack: &str) -> String {
    let frame = |frame: &str| {
        let (name, mark) = frame.rsplit_once("_[").map_or((frame, String::new()), |(name, mark)| (name, format!("_[{mark}")));
        // wasmtime says `wasm[0]::function[7]::` before the name that the guest has.
        let own = name.rfind("::_").filter(|_| name.starts_with("wasm[")).map_or(0, |at| at + 2);
        format!("{:#}{mark}", rustc_demangle::demangle(&name[own..]))
    };
    stack.split(';').map(frame).collect::<Vec<_>>().join(";")
}
