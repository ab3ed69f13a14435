//! Lines of a file or of standard input, numbered.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::error::Diagnostic;

/// Bytes read ahead.
const BUFFER_BYTES: usize = 1 << 18;

/// Lines of a reader, without their ends.
pub struct Lines {
    reader: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
    /// Number of the last line, from 1.
    pub number: u64,
    /// Bytes read so far.
    pub bytes: u64,
}

impl Lines {
    /// The lines of a file; `-`: of standard input.
    pub fn open(path: &Path) -> Result<Self, Diagnostic> {
        let from: Box<dyn Read> = if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(open(path)?) };
        Ok(Self { reader: BufReader::with_capacity(BUFFER_BYTES, from), line: Vec::new(), number: 0, bytes: 0 })
    }

    /// The next line and its number.
    pub fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.bytes += read as u64;
        self.number += 1;
        Ok(Some((self.number, self.line.strip_suffix(b"\n").unwrap_or(&self.line))))
    }

    /// The last line with its end.
    pub fn raw(&self) -> &[u8] {
        &self.line
    }

    /// True when the next line has to be waited for.
    pub fn nothing_buffered(&self) -> bool {
        self.reader.buffer().is_empty()
    }
}

fn open(path: &Path) -> Result<File, Diagnostic> {
    let file = File::open(path).map_err(|e| cannot_open(path, &e))?;
    match file.metadata() {
        Ok(found) if found.is_dir() => Err(cannot_open(path, &"it is a folder")),
        Ok(_) => Ok(file),
        Err(why) => Err(cannot_open(path, &why)),
    }
}

/// Refuses what can be read once only. Not opened for it: that would wait for whoever writes into a pipe.
pub fn regular_file(path: &Path) -> Result<(), Diagnostic> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_dir() => Err(cannot_open(path, &"it is a folder")),
        Ok(_) => Err(cannot_open(path, &format_args!("{} is not a regular file", path.display())).hint("use '-' for standard input")),
        Err(why) => Err(cannot_open(path, &why)),
    }
}

fn cannot_open(path: &Path, why: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::usage("R010", format!("the input {} cannot be opened", path.display())).because(why)
}

/// A line whose record the topic does not take.
pub fn refused_line(path: &Path, number: u64, topic: &str, why: &str) -> Diagnostic {
    Diagnostic::usage("R012", format!("line {number} of {} is a record that '{topic}' refuses", path.display())).because(why)
}

/// A line with the fields of a record, one of which cannot be read.
pub fn bad_line(path: &Path, number: u64, why: &crate::jsonl::LineError) -> Diagnostic {
    let file = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
    Diagnostic::usage("R012", format!("line {number} of {file} is a broken record"))
        .because(why)
        .hint("a line with 'value' and nothing but 'key', 'value', 'timestamp' (ms) and 'headers' is a record; any other line is a value as it stands")
}
