//! A host at work, as its status and its process tell of it.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::BOUND;
use crate::place::{Place, Running};

/// A folder with the component made for tests.
pub(crate) fn place() -> Place {
    Place::with_probe("")
}

/// The exit code of a command that ends by itself, and what it said.
pub(crate) fn ended(place: &Place, line: &str) -> (Option<i32>, String) {
    let output = place.output(line);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// The records of a topic.
pub(crate) fn records(place: &Place, topic: &str) -> Vec<Value> {
    let output = place.output(&format!("consume app.toml {topic}"));
    assert!(output.status.success(), "{topic}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// A running host.
pub(crate) struct Host<'a> {
    place: &'a Place,
    running: Running<'a>,
}

/// What a task does, as `status` tells it.
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) why: String,
    pub(crate) lag: u64,
    pub(crate) skipped: u64,
    pub(crate) dead_lettered: u64,
}

impl<'a> Host<'a> {
    pub(crate) fn start(place: &'a Place, line: &str) -> Self {
        Self { place, running: place.start(line) }
    }

    fn tasks(&mut self) -> Vec<Task> {
        self.is_up();
        let status: Value = serde_json::from_slice(&self.place.output("status app.toml --json").stdout).unwrap_or_default();
        let number = |task: &Value, key: &str| task[key].as_u64().unwrap();
        let text = |task: &Value, key: &str| task[key].as_str().unwrap().to_owned();
        let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
        let task = |task: &Value| Task {
            name: text(task, "task"),
            state: text(task, "state"),
            why: text(task, "why"),
            lag: number(task, "lag"),
            skipped: number(task, "skipped"),
            dead_lettered: number(task, "dead_lettered"),
        };
        tasks.iter().map(task).collect()
    }

    /// Waits until the tasks are so.
    pub(crate) fn until(&mut self, so: impl Fn(&[Task]) -> bool) -> Vec<Task> {
        let begun = Instant::now();
        loop {
            let tasks = self.tasks();
            if so(&tasks) {
                return tasks;
            }
            let shown = || tasks.iter().map(|t| format!("{} {} lag {}\n", t.name, t.state, t.lag)).collect::<String>();
            assert!(begun.elapsed() < BOUND, "{}\n{}", shown(), self.place.read("log"));
        }
    }

    /// Waits until the log is so.
    pub(crate) fn until_log(&mut self, so: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !so(&self.place.read("log")) {
            self.is_up();
            assert!(begun.elapsed() < BOUND, "{}", self.place.read("log"));
            std::thread::yield_now();
        }
    }

    fn is_up(&mut self) {
        assert!(self.running.child.try_wait().unwrap().is_none(), "the host has ended: {}", self.place.read("log"));
    }

    /// The most memory that the process has ever had, in bytes.
    pub(crate) fn peak_bytes(&mut self) -> u64 {
        self.is_up();
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
    }

    /// Tells it to end, and waits for that.
    pub(crate) fn stop(self) -> String {
        self.running.signal("TERM")
    }
}
