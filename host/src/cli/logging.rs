//! Log lines to standard error, above the progress bar where there is one.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::args::LogForm;

/// Where log lines and progress bars go, so that they do not overwrite each other.
#[derive(Clone)]
pub struct Console {
    /// The bars; hidden where standard error is not a terminal.
    pub bars: MultiProgress,
}

impl Console {
    /// Starts logging. `COFFERDAM_LOG` sets what is logged, as in tracing's filters; `info` unless said.
    pub fn start(form: LogForm) -> Self {
        Self::start_at(form, "info")
    }

    /// Logs nothing unless `COFFERDAM_LOG` asks for it.
    pub fn start_quiet() -> Self {
        Self::start_at(LogForm::Text, "off")
    }

    fn start_at(form: LogForm, level: &str) -> Self {
        let target = if form == LogForm::Json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let console = Self { bars: MultiProgress::with_draw_target(target) };
        let filter = EnvFilter::try_from_env("COFFERDAM_LOG").unwrap_or_else(|_| EnvFilter::new(level));
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(console.clone());
        // A second start in one process keeps the first one's lines.
        let _ = match form {
            LogForm::Json => lines.json().flatten_event(true).with_target(false).try_init(),
            LogForm::Text => {
                let colours = std::io::IsTerminal::is_terminal(&io::stderr());
                lines.with_target(false).with_ansi(colours).try_init()
            }
        };
        console
    }
}

/// Collects one line and prints it above the bars.
pub struct Line {
    bars: MultiProgress,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Nobody is left to tell when standard error is closed.
        let _ = self.bars.suspend(|| io::stderr().write_all(&self.text));
    }
}

impl MakeWriter<'_> for Console {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { bars: self.bars.clone(), text: Vec::new() }
    }
}
