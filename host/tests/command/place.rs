//! The command at work in a folder of its own.

#![allow(clippy::disallowed_methods, reason = "waits have a bound in real time")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for something that a running host should do.
pub const BOUND: Duration = Duration::from_secs(60);

/// A folder of its own, in which the command is run.
pub struct Place {
    pub dir: tempfile::TempDir,
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With a manifest and the component made for tests.
    pub fn with_probe(manifest: &str) -> Self {
        let place = Self::new();
        place.copy("tests/guests/dist/probe.wasm", "probe.wasm");
        place.write("app.toml", manifest);
        place
    }

    pub fn with_word_count() -> Self {
        let place = Self::new();
        fs::create_dir(place.path("components")).unwrap();
        place.copy("examples/word-count/app.toml", "app.toml");
        place.copy("examples/word-count/components/word_count.wasm", "components/word_count.wasm");
        place.write("lines.txt", "the quick fox\nthe dog\n");
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn copy(&self, from: &str, to: &str) {
        let from = repository().join(from);
        fs::copy(&from, self.path(to)).unwrap_or_else(|e| panic!("{}: {e}; build the guests first: make guests examples", from.display()));
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam"));
        command.args(line.split_whitespace()).current_dir(self.dir.path()).env_remove("COFFERDAM_LOG").env("COLUMNS", "100");
        command.stdin(Stdio::null());
        command
    }

    pub fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The records of a topic, a line each.
    pub fn records(&self, topic: &str) -> String {
        String::from_utf8(self.output(&format!("consume app.toml {topic}")).stdout).unwrap()
    }

    /// What a terminal would show of these command lines.
    pub fn session(&self, lines: &[&str]) -> String {
        let shown = lines.iter().map(|line| format!("$ cofferdam {line}\n{}", self.shown(&self.output(line))));
        shown.collect::<Vec<_>>().join("\n")
    }

    /// As `session`, with a text as standard input.
    pub fn typed(&self, line: &str, text: &str) -> String {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        format!("$ cofferdam {line}\n{}", self.shown(&child.wait_with_output().unwrap()))
    }

    pub fn shown(&self, output: &Output) -> String {
        let mut text = String::from_utf8(output.stdout.clone()).unwrap();
        text += &String::from_utf8(output.stderr.clone()).unwrap();
        if !output.status.success() {
            text += &format!("[{}]\n", output.status);
        }
        self.plain(&text)
    }

    /// Without what differs from run to run: the folder, times, how long ago they are, digests, process numbers.
    pub fn plain(&self, text: &str) -> String {
        let text = text.replace(&*self.dir.path().to_string_lossy(), "DIR");
        let lines = text.split('\n').map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let plain = words.iter().enumerate().map(|(at, word)| {
                let time = word.len() >= 20 && word.as_bytes()[10] == b'T' && word.ends_with('Z');
                let digest = word.len() == 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
                let pid = at > 0 && words[at - 1] == "(pid";
                let after = |n: usize| words.get(at + n).copied();
                let size = after(1).is_some_and(|unit| unit.trim_end_matches(',') == "MiB") && line.starts_with("memory: ");
                if size || after(2) == Some("ago") || (after(1) == Some("d") && word.len() >= 5) {
                    "N"
                } else if after(1) == Some("ago") {
                    "UNIT"
                } else if time {
                    "TIME"
                } else if digest {
                    "DIGEST"
                } else if pid {
                    "PID)"
                } else {
                    word
                }
            });
            plain.collect::<Vec<_>>().join(" ").trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn start(&self, line: &str) -> Running<'_> {
        let child = self.command(line).stdout(Stdio::null()).stderr(fs::File::create(self.path("log")).unwrap()).spawn().unwrap();
        Running { place: self, child }
    }
}

/// A command at work; killed when the test ends.
pub struct Running<'a> {
    place: &'a Place,
    pub child: Child,
}

impl Running<'_> {
    /// Waits until the status has this row, however its columns are aligned; the whole status, with single blanks.
    pub fn until(&mut self, row: &str) -> String {
        let begun = Instant::now();
        loop {
            let status = String::from_utf8(self.place.output("status app.toml").stdout).unwrap();
            let status = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n");
            if status.contains(row) {
                return self.place.plain(&status);
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the host has ended: {}", self.place.read("log"));
            assert!(begun.elapsed() < BOUND, "{status}\n{}", self.place.read("log"));
        }
    }

    /// Waits until the log has so many lines with this text.
    pub fn logged(&mut self, text: &str, times: usize) {
        let begun = Instant::now();
        while self.place.read("log").matches(text).count() < times {
            assert!(self.child.try_wait().unwrap().is_none(), "the host has ended: {}", self.place.read("log"));
            assert!(begun.elapsed() < BOUND, "{}", self.place.read("log"));
            std::thread::yield_now();
        }
    }

    /// Sends a signal, and waits for the end.
    pub fn signal(mut self, name: &str) -> String {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().to_string()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One source, one probe, one sink.
pub fn one_probe(config: &str, more: &str) -> String {
    format!(
        "[app]\nid = \"probed\"\n\n[sources.in]\ntopic = \"in\"\n\n[processors.probe]\ncomponent = \"probe.wasm\"\nfrom = [\"in\"]\nconfig = \
         {config}\n{more}\n\n[sinks.out]\ntopic = \"out\"\nfrom = [\"probe\"]\n"
    )
}
