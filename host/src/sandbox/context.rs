//! The interface `context`: place, time, chance, schedules, outputs ahead of time, log lines and metrics.

use super::bindings::cofferdam::processor::context::{Clock, Host, Level, Origin};
use super::bindings::cofferdam::processor::types;
use super::guest_log::one_line;
use super::metrics::Kept;
use super::outputs;
use super::state::{OpenFrame, Phase, State};
use crate::limits;
use crate::node::{Grid, PunctuationClock};
use crate::record::Timestamp;

impl types::Host for State {}

impl Host for State {
    fn position(&mut self) -> wasmtime::Result<Option<Origin>> {
        let position = self.env("context.position")?.position.as_ref();
        Ok(position.map(|p| Origin { topic: p.topic.to_string(), partition: p.partition, offset: p.offset }))
    }

    fn stream_time(&mut self) -> wasmtime::Result<Option<i64>> {
        Ok(self.env("context.stream-time")?.stream_time.map(|time| time.0))
    }

    fn now(&mut self) -> wasmtime::Result<i64> {
        Ok(self.env("context.now")?.now.0)
    }

    fn random(&mut self) -> wasmtime::Result<u64> {
        Ok(self.env("context.random")?.random.next_u64())
    }

    fn task(&mut self) -> wasmtime::Result<String> {
        self.env("context.task")?;
        Ok(self.setup.task.to_string())
    }

    fn forward(&mut self, outputs: Vec<types::Output>) -> wasmtime::Result<()> {
        self.env("context.forward")?;
        match self.phase {
            Phase::Work => {}
            Phase::Init | Phase::Describe => return Err(self.broken_rule("`init` may not forward records")),
            Phase::Migrate => return Err(self.broken_rule("`migrate` may not forward records")),
            Phase::Close => return Err(self.broken_rule("`close` may not forward records")),
        }
        if self.call.frame.is_some() {
            return Err(self.broken_rule("`batch.process-frame` may not use context.forward, but context.forward-frame"));
        }
        let call = &mut self.call;
        outputs::accept(&self.setup, &mut call.totals, outputs, &mut call.forwarded).map_err(|failure| self.end(failure))
    }

    fn forward_frame(&mut self, frame: Vec<u8>) -> wasmtime::Result<()> {
        self.env("context.forward-frame")?;
        let Some(OpenFrame { causes, taken, forwarded }) = &mut self.call.frame else {
            return Err(self.broken_rule("context.forward-frame belongs to `batch.process-frame`"));
        };
        let checked = taken.check(&self.setup, causes, frame, false).map(|frame| frame.unpack(forwarded));
        checked.map_err(|failure| self.end(failure))
    }

    fn schedule(&mut self, name: String, interval_ms: u64, clock: Clock, start: Option<i64>) -> wasmtime::Result<()> {
        // First: a message shows the name.
        self.check_name("a schedule", &name)?;
        if interval_ms == 0 {
            let name = one_line(&name, limits::GUEST_NAME_BYTES);
            return Err(self.broken_rule(format!("the schedule '{name}' has an interval of 0 ms; the least is 1")));
        }
        let node = self.setup.node;
        let env = self.env("context.schedule")?;
        let clock = match clock {
            Clock::StreamTime => PunctuationClock::StreamTime,
            Clock::WallClock => PunctuationClock::WallClock,
        };
        env.schedules.schedule(node, &name, Grid { interval_ms, clock, start: start.map(Timestamp) }, env.now, env.stream_time);
        if env.schedules.count(node) > limits::SCHEDULES {
            return Err(self.broken_rule(format!("more than {} schedules", limits::SCHEDULES)));
        }
        Ok(())
    }

    fn cancel(&mut self, name: String) -> wasmtime::Result<()> {
        let node = self.setup.node;
        self.env("context.cancel")?.schedules.cancel(node, &name);
        Ok(())
    }

    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.env("context.log")?;
        State::log(self, level, message);
        Ok(())
    }

    fn count(&mut self, name: String, by: u64) -> wasmtime::Result<()> {
        self.env("context.count")?;
        self.check_metric_name(&name)?;
        let kept = self.carried.metrics.count(&self.setup.metrics, &name, by);
        self.tell_unless_kept(kept, &name);
        Ok(())
    }

    fn observe(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.env("context.observe")?;
        self.check_metric_name(&name)?;
        let kept = self.carried.metrics.observe(&self.setup.metrics, &name, value);
        self.tell_unless_kept(kept, &name);
        Ok(())
    }
}

impl State {
    /// Refuses a name that is longer than the host keeps.
    pub(super) fn check_name(&mut self, of: &str, name: &str) -> wasmtime::Result<()> {
        if name.len() > limits::GUEST_NAME_BYTES {
            let (bytes, most) = (name.len(), limits::GUEST_NAME_BYTES);
            return Err(self.broken_rule(format!("the name of {of} has {bytes} bytes; the limit is {most}")));
        }
        Ok(())
    }

    /// Refuses a name that Prometheus' text format cannot carry.
    fn check_metric_name(&mut self, name: &str) -> wasmtime::Result<()> {
        self.check_name("a metric", name)?;
        let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !good {
            let name = one_line(name, limits::GUEST_NAME_BYTES);
            return Err(self.broken_rule(format!("'{name}' cannot name a metric: letters, digits and _ only")));
        }
        Ok(())
    }

    fn tell_unless_kept(&mut self, kept: Kept, name: &str) {
        if kept == Kept::NoRoom {
            let most = limits::METRIC_NAMES;
            State::log(self, Level::Warn, format!("the node has {most} metrics already; '{name}' and further ones are dropped"));
        }
    }
}
