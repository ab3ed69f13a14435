//! What the probe can do with a record, and the well-behaved half of it.

use std::time::Duration;

use cofferdam_guest::{Bytes, Clock, Context, Decode, Failure, Outgoing, RawRecord, Record, Setup, Text, Timestamp};
use serde::Deserialize;

use crate::{Probe, Stores, hostile, timed};

/// `config.do`. "value" is the record's value as UTF-8; where a behaviour waits for a value, it passes every other record on.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(crate) enum Do {
    /// Forwards the record as it is, change and all.
    Pass {},
    /// Forwards nothing.
    Drop {},
    /// Forwards records whose value is an even number; anything that is no number is a bad record.
    Filter {},
    /// Value in upper case.
    Upper {},
    /// One record for each word of the value: key and value are the word.
    Words {},
    /// Counts records by key in store `counts`; forwards key and count. Without a key: dropped.
    Count {},
    /// To port `even` or `odd`, by the number in the value.
    Route {},
    /// With the change as text in the value: `old -> new`, `-` for none; without one: `stream: value`.
    Changes {},
    /// `role: value`, with exactly the inputs `left` and `right`.
    Roles {},
    /// `role: value`, with any inputs.
    Role {},
    /// Where and when: `topic/partition@offset stream=.. task=..` in the value.
    Place {},
    /// `now=.. random=..` in the value.
    Chance {},
    /// Adds to the timestamp, and a header `probe: stamped`; where asked to, one that belongs to the host as well.
    Stamp {
        add: i64,
        #[serde(default)]
        reserved: bool,
    },
    /// Sends to this partition.
    Partition { partition: u32 },
    /// Logs the value at level info, counts `seen`, observes `length`; passes.
    Tell {},
    /// Forwards `value/1` early, then `value/2` by returning it, then logs `after`.
    Early {},
    /// Forwards as a node of a tree in `mode`, logging `name:enter` and `name:exit`.
    Walk { mode: Walk },
    /// Puts key and value into store `rows`; passes.
    Put {},
    /// Puts key and value into store `rows`, then another row that is newer by so much; forwards `there` or `gone` for the first one.
    Outlive { by: i64 },
    /// Forwards the key with its value in store `rows`, which it reads only.
    Read {},
    /// Joins with store `table`, which it reads only: `value+row`; port `unmatched` without a row.
    Join {},
    /// Counts records in the cell `seen`; forwards the count.
    Cell {},
    /// Counts by key in windows of 10 ms, in store `windows`; forwards the window's start and count, and how many windows the key has.
    Windows {},
    /// Counts by key in sessions with gaps of 5 ms, in store `sessions`; forwards the session.
    Sessions {},
    /// Puts key and value, as of the record's time, into store `versions`; forwards what was there 5 ms before. Null deletes.
    Versions {},
    /// Counts by key; at a punctuation forwards `#` and all counts, then forgets them. Store `counts`.
    Punctuate {
        stream_time_interval_ms: Option<u64>,
        wall_clock_interval_ms: Option<u64>,
        anchor_start_time_ms: Option<Timestamp>,
        cancel_after: Option<u64>,
    },
    /// Passes; its wall-clock punctuation, every `interval-ms`, fails: `bad-record`, `transient`, `fatal`, `panic` or `loop`.
    PunctuateFailing { interval_ms: u64, how: String },
    /// Passes; when it is closed it logs, and then fails: `panic` or `loop`.
    Close {
        #[serde(default)]
        how: Option<String>,
    },
    /// Fails as told when the value is `bad`, `transient`, `fatal`.
    Fail {},
    /// `transient` in the first so many calls of an instance; then passes.
    Transient { times: u64 },
    /// `transient` on value `44` in every other span of the wall clock, which is so long; the first one included.
    Busy { span_ms: i64 },
    /// Fails as bad record every so many calls of an instance.
    BadEvery { nth: u64 },
    /// Writes the value to store `rows` and forwards it, then fails when it is `bad`.
    WriteThenFail {},
    /// Panics in the so-manieth call of an instance.
    Panic { nth: u64 },
    /// Panics at the record of this offset.
    PanicAt { offset: u64 },
    /// A trap (`unreachable`) on value `boom`.
    Trap {},
    /// Never returns from value `loop`.
    Loop {},
    /// Allocates without end on value `grow`, by the page when told so.
    Memory {
        #[serde(default)]
        by_page: bool,
    },
    /// Forwards so many records of so many bytes on value `flood`; early: by a flush every 1,000.
    Outputs {
        count: u64,
        bytes: usize,
        #[serde(default)]
        early: bool,
    },
    /// Logs so many lines of so many bytes for each record.
    Logs { lines: u64, bytes: usize },
    /// Counts so many metrics, each of a name of its own, for each record.
    Metrics { names: u64 },
    /// Calls itself without end on value `deep`.
    Recursion {},
    /// Opens so many iterators over store `rows` on value `flood`, and drops none.
    Iterators { count: u64 },
    /// Deletes keys of store `rows` without end on value `flood`.
    Deletes {},
    /// Adds so many headers on value `flood`.
    Headers { count: u64 },
    /// Forwards a record with so long a key, value and header on value `large`.
    Sizes {
        #[serde(default)]
        key: usize,
        #[serde(default)]
        value: usize,
        #[serde(default)]
        header: usize,
    },
    /// Asks for so many schedules of the wall clock on value `flood`; they do nothing when they are due.
    Schedules { count: u64, interval_ms: u64 },
    /// Waits for the clock to move on value `sleep`.
    Sleep {},
    /// Logs this text, and fails with it on value `bad`.
    Say { text: String },
    /// Forwards to the port `nowhere`, which it has not declared, on value `lost`.
    NoSuchPort {},
    /// Opens a store at `init`, declared in `describe` or not.
    Open {
        role: String,
        #[serde(default)]
        write: bool,
        #[serde(default)]
        declare: bool,
    },
    /// `init` fails with this message.
    InitError { message: String },
    /// `init` panics.
    InitPanic {},
    /// `init` never returns.
    InitLoop {},
    /// `describe` never returns.
    DescribeLoop {},
    /// `describe` panics.
    DescribePanic {},
    /// `describe` tells of so many ports, and of itself in so many bytes.
    DescribeMuch { ports: usize, bytes: usize },
    /// `describe` gives this schema of the configuration.
    DescribeSchema { schema: serde_json::Value },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Walk {
    /// Once, to all.
    All,
    /// Twice, the second 1 ms later.
    Twice,
    /// To port `c`, to all, to port `b`.
    Named,
    /// Nothing.
    Leaf,
}

/// Opens what the behaviour needs.
pub(crate) fn prepare(what: &Do, setup: &mut Setup) -> Result<Stores, String> {
    let mut stores = Stores::default();
    match what {
        Do::Count {} => stores.counts = Some(setup.key_value("counts")?),
        Do::Put {} | Do::Outlive { .. } | Do::Iterators { .. } | Do::Deletes {} | Do::WriteThenFail {} => {
            stores.rows = Some(setup.key_value("rows")?);
        }
        Do::Read {} => stores.read = Some(setup.read_key_value("rows")?),
        Do::Join {} => stores.read = Some(setup.read_key_value("table")?),
        Do::Cell {} => stores.cell = Some(setup.cell("seen")),
        Do::Windows {} => stores.windows = Some(setup.window_store("windows")?),
        Do::Sessions {} => stores.sessions = Some(setup.session_store("sessions")?),
        Do::Versions {} => stores.versions = Some(setup.versioned_store("versions")?),
        Do::Punctuate { stream_time_interval_ms, wall_clock_interval_ms, anchor_start_time_ms, .. } => {
            stores.counts = Some(setup.key_value("counts")?);
            let schedules = [("stream", stream_time_interval_ms, Clock::StreamTime), ("wall", wall_clock_interval_ms, Clock::WallClock)];
            for (name, interval, clock) in schedules {
                let Some(interval) = interval.map(Duration::from_millis) else { continue };
                match anchor_start_time_ms {
                    Some(start) => setup.schedule_from(name, *start, interval, clock),
                    None => setup.schedule(name, interval, clock),
                }
            }
        }
        Do::PunctuateFailing { interval_ms, .. } => setup.schedule("failing", Duration::from_millis(*interval_ms), Clock::WallClock),
        Do::Open { role, write: true, .. } => stores.rows = Some(setup.key_value(role)?),
        Do::Open { role, .. } => stores.read = Some(setup.read_key_value(role)?),
        Do::InitError { message } => return Err(message.clone()),
        Do::InitPanic {} => panic!("init panics, as configured"),
        Do::InitLoop {} => hostile::never_return(),
        _ => {}
    }
    Ok(stores)
}

impl Probe {
    pub(crate) fn run(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        match &self.what {
            Do::Drop {} => Ok(()),
            Do::Filter {} => {
                if number(&record)? % 2 == 0 {
                    ctx.forward(record)
                } else {
                    Ok(())
                }
            }
            Do::Upper {} => with_text(record, ctx, |value, _| value.to_uppercase()),
            Do::Words {} => text(&record)?.split_whitespace().try_for_each(|word| ctx.forward((word, word))),
            Do::Count {} => self.count(record, ctx),
            Do::Route {} => {
                let port = if number(&record)? % 2 == 0 { "even" } else { "odd" };
                ctx.forward_to(port, record)
            }
            Do::Changes {} => changes(record, ctx),
            Do::Roles {} | Do::Role {} => with_text(record, ctx, |value, ctx| format!("{}: {value}", ctx.role().unwrap_or("-"))),
            Do::Place {} => with_text(record, ctx, |_, ctx| place(ctx)),
            Do::Chance {} => with_text(record, ctx, |_, ctx| format!("now={} random={}", ctx.now(), ctx.random())),
            Do::Stamp { add, reserved } => {
                let mut stamped = record;
                stamped.timestamp += add;
                stamped.headers.push("probe", "stamped");
                if *reserved {
                    stamped.headers.push("cofferdam.probe", "stamped");
                }
                ctx.forward(stamped)
            }
            Do::Partition { partition } => ctx.forward(record.to_partition(*partition)),
            Do::Tell {} => {
                ctx.info(text(&record)?);
                ctx.count("seen", 1);
                ctx.observe("length", text(&record)?.len() as f64);
                ctx.forward(record)
            }
            Do::Early {} => {
                let value = text(&record)?;
                ctx.forward((record.key.clone(), format!("{value}/1")))?;
                ctx.flush();
                ctx.forward((record.key.clone(), format!("{value}/2")))?;
                ctx.info("after");
                Ok(())
            }
            Do::Walk { mode } => walk(*mode, record, ctx),
            Do::Put {} | Do::Outlive { .. } | Do::Iterators { .. } | Do::Deletes {} | Do::WriteThenFail {} => self.use_rows(record, ctx),
            Do::Read {} | Do::Join {} => self.read(record, ctx),
            Do::Cell {} => {
                let cell = self.stores.cell.as_ref().ok_or_else(not_open)?;
                let seen = cell.get()?.map_or(0, |seen| *seen) + 1;
                cell.put(&Text(seen))?;
                ctx.forward((record.key, Text(seen)))
            }
            Do::Windows {} | Do::Sessions {} | Do::Versions {} => timed::run(&self.what, &self.stores, record, ctx),
            Do::Punctuate { .. } => {
                let counts = self.stores.counts.as_ref().ok_or_else(not_open)?;
                let Some(key) = record.key else { return Ok(()) };
                let key = String::from_utf8_lossy(&key).into_owned();
                let count = counts.get(&key)?.map_or(0, |count| *count) + 1;
                counts.put(&key, &Text(count))
            }
            Do::Pass {} | Do::Close { .. } | Do::PunctuateFailing { .. } | Do::Open { .. } => ctx.forward(record),
            Do::InitError { .. } | Do::InitPanic {} | Do::InitLoop {} => Err(Failure::fatal("init did not fail")),
            misbehaviour => hostile::run(misbehaviour, self.calls, record, ctx),
        }
    }

    fn count(&self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        let counts = self.stores.counts.as_ref().ok_or_else(not_open)?;
        let Some(key) = record.key else {
            ctx.count("dropped", 1);
            return Ok(());
        };
        let key = String::decode(&key).map_err(|_| Failure::bad_record("key: not UTF-8"))?;
        let count = counts.get(&key)?.map_or(0, |count| *count) + 1;
        counts.put(&key, &Text(count))?;
        ctx.forward((key, Text(count)))
    }

    fn use_rows(&self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        let rows = self.stores.rows.as_ref().ok_or_else(not_open)?;
        match &self.what {
            Do::Iterators { count } => return hostile::leak_iterators(rows, *count, record, ctx),
            Do::Deletes {} => return hostile::delete_without_end(rows, record, ctx),
            _ => {}
        }
        let key = record.key.clone().unwrap_or_default();
        match &record.value {
            Some(value) => rows.put(&key, value)?,
            None => rows.delete(&key)?,
        }
        if let Do::Outlive { by } = &self.what {
            rows.put_at(&Bytes::from(b"newer"), &Bytes::new(), record.timestamp + by)?;
            let there = rows.get(&key)?.is_some();
            return ctx.forward((record.key, if there { "there" } else { "gone" }));
        }
        let bad = matches!(self.what, Do::WriteThenFail {}) && record.value.as_deref() == Some(b"bad");
        ctx.forward(record)?;
        if bad { Err(Failure::bad_record("bad, after it was written")) } else { Ok(()) }
    }

    fn read(&self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        let store = self.stores.read.as_ref().ok_or_else(not_open)?;
        let found = record.key.as_ref().map(|key| store.get(key)).transpose()?.flatten();
        match (&self.what, found) {
            (Do::Join {}, Some(row)) => with_text(record, ctx, |value, _| format!("{value}+{row}")),
            (Do::Join {}, None) => ctx.forward_to("unmatched", record),
            (_, found) => ctx.forward((record.key, found)),
        }
    }

    pub(crate) fn tick(&mut self, schedule: &str, time: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
        let seen = match self.fired.iter_mut().find(|(name, _)| name == schedule) {
            Some((_, seen)) => {
                *seen += 1;
                *seen
            }
            None => {
                self.fired.push((schedule.to_owned(), 1));
                1
            }
        };
        match &self.what {
            Do::Punctuate { cancel_after, .. } => {
                let counts = self.stores.counts.as_ref().ok_or_else(not_open)?;
                let stream = ctx.stream_time().unwrap_or(-1);
                ctx.forward(("#", format!("{schedule} stream={stream} system={}", ctx.now())))?;
                for entry in counts.all().collect::<Result<Vec<_>, _>>()? {
                    counts.delete(&entry.key)?;
                    ctx.forward(Record::new(entry.key, entry.value, time))?;
                }
                if *cancel_after == Some(seen) {
                    ctx.cancel(schedule);
                }
                Ok(())
            }
            Do::PunctuateFailing { how, .. } => Err(hostile::failure(how, "as configured, in a punctuation")),
            _ => Ok(()),
        }
    }
}

pub(crate) fn not_open() -> Failure {
    Failure::fatal("the store is not open")
}

/// The value as text.
pub(crate) fn text(record: &RawRecord) -> Result<String, Failure> {
    let value = record.value.as_ref().ok_or_else(|| Failure::bad_record("value is null"))?;
    String::decode(value).map_err(|_| Failure::bad_record("value: not UTF-8"))
}

fn number(record: &RawRecord) -> Result<i64, Failure> {
    let value = text(record)?;
    value.trim().parse().map_err(|_| Failure::bad_record(format!("value: `{value:.64}` is no number")))
}

fn with_text(record: RawRecord, ctx: &mut Context, change: impl FnOnce(&str, &Context) -> String) -> Result<(), Failure> {
    let value = change(&text(&record)?, ctx);
    ctx.forward(RawRecord { value: Some(value.into()), change: None, ..record })
}

fn place(ctx: &Context) -> String {
    let origin = ctx.position().map_or("-".to_owned(), |at| format!("{}/{}@{}", at.topic, at.partition, at.offset));
    format!("{origin} stream={} task={}", ctx.stream_time().unwrap_or(-1), ctx.task())
}

fn changes(record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    let shown = |value: &Option<Bytes>| value.as_ref().map_or("-".to_owned(), |value| String::from_utf8_lossy(value).into_owned());
    let line = match &record.change {
        Some(change) => format!("{} -> {}", shown(&change.value), shown(&record.value)),
        None => format!("stream: {}", shown(&record.value)),
    };
    ctx.forward((record.key, line))
}

fn walk(mode: Walk, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    let name = ctx.node().to_owned();
    let value = text(&record)?;
    let told = |what: &str, late: i64| Record::new(record.key.clone(), format!("{value}/{what}"), record.timestamp + late);
    ctx.info(format_args!("{name}:enter"));
    match mode {
        Walk::All => ctx.forward(told(&name, 0))?,
        Walk::Twice => {
            ctx.forward(told(&format!("{name}1"), 0))?;
            ctx.forward(told(&format!("{name}2"), 1))?;
        }
        Walk::Named => {
            ctx.forward_to("c", told(&format!("{name}-to-C"), 0))?;
            ctx.forward(told(&format!("{name}-to-all"), 0))?;
            ctx.forward_to("b", told(&format!("{name}-to-B"), 0))?;
        }
        Walk::Leaf => {}
    }
    ctx.info(format_args!("{name}:exit"));
    Ok(())
}
