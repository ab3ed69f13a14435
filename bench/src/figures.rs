//! Figures that have targets, for a program that compares them.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

/// Figures by name.
#[derive(Debug, Default)]
pub struct Figures(Vec<(&'static str, f64)>);

impl Figures {
    pub fn add(&mut self, name: &'static str, value: f64) {
        self.0.push((name, value));
    }

    /// A JSON object a line.
    pub fn write(&self, file: &Path) -> Result<()> {
        let mut lines = String::new();
        for (figure, value) in &self.0 {
            writeln!(lines, "{}", serde_json::json!({ "figure": figure, "value": value }))?;
        }
        std::fs::write(file, lines).with_context(|| file.display().to_string())
    }
}
