//! Keeps each record under its key and time, in a store of the kind that `config = { kind = ".." }` names. A record without a value is a
//! question: what is kept of its key comes out, row by row.
//!
//! A window begins at the record's time, a session ends there and began ten seconds before, a version begins there.

use cofferdam_guest::{
    Access, Bytes, Context, Description, Failure, KeyValue, Processor, Record, SessionStore, Setup, Timestamp, VersionedStore, WindowStore,
    export,
};
use serde::Deserialize;

const SESSION_MS: Timestamp = 10_000;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    KeyValue,
    Window,
    Session,
    Versioned,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    kind: Kind,
}

enum Keeper {
    KeyValue(KeyValue<Bytes, Bytes>),
    Window(WindowStore<Bytes, Bytes>),
    Session(SessionStore<Bytes, Bytes>),
    Versioned(VersionedStore<Bytes, Bytes>),
}

impl Processor for Keeper {
    type Config = Config;
    type Input = Record<Bytes, Option<Bytes>>;

    fn describe_with(config: &Config) -> Result<Description, String> {
        let description = Description::new("Keeps what it is given.");
        Ok(match config.kind {
            Kind::KeyValue => description.store("kept", Access::ReadWrite, "the last value of each key"),
            Kind::Window => description.window_store("kept", Access::ReadWrite, "values by their time"),
            Kind::Session => description.session_store("kept", Access::ReadWrite, "values by the ten seconds before them"),
            Kind::Versioned => description.versioned_store("kept", Access::ReadWrite, "values since their time"),
        })
    }

    fn init(config: Config, setup: &mut Setup) -> Result<Self, String> {
        Ok(match config.kind {
            Kind::KeyValue => Self::KeyValue(setup.key_value("kept")?),
            Kind::Window => Self::Window(setup.window_store("kept")?),
            Kind::Session => Self::Session(setup.session_store("kept")?),
            Kind::Versioned => Self::Versioned(setup.versioned_store("kept")?),
        })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let Record { key, value, timestamp, .. } = record;
        match value {
            Some(value) => self.keep(&key, &value, timestamp),
            None => self.show(&key, ctx),
        }
    }
}

impl Keeper {
    fn keep(&self, key: &Bytes, value: &Bytes, time: Timestamp) -> Result<(), Failure> {
        match self {
            Self::KeyValue(store) => store.put(key, value),
            Self::Window(store) => store.put(key, time, value),
            Self::Session(store) => store.put(key, time - SESSION_MS, time, value),
            Self::Versioned(store) => store.put(key, value, time).map(drop),
        }
    }

    fn show(&self, key: &Bytes, ctx: &mut Context) -> Result<(), Failure> {
        let ever = Timestamp::MIN..=Timestamp::MAX;
        let mut show = |times: &[Timestamp], value: &Bytes| {
            let times: Vec<String> = times.iter().map(Timestamp::to_string).collect();
            ctx.forward((key.clone(), format!("{}: {}", times.join(" to "), String::from_utf8_lossy(value))))
        };
        match self {
            Self::KeyValue(store) => store.get_row(key)?.map_or(Ok(()), |(value, time)| show(&[time], &value)),
            Self::Window(store) => store.fetch(key, ever)?.try_for_each(|window| {
                let window = window?;
                show(&[window.start, window.timestamp], &window.value)
            }),
            Self::Session(store) => store.fetch(key)?.try_for_each(|session| {
                let session = session?;
                show(&[session.start, session.end], &session.value)
            }),
            Self::Versioned(store) => store.history(key, ever)?.try_for_each(|version| {
                let version = version?;
                show(&[version.valid_from, version.valid_to.unwrap_or(Timestamp::MAX)], &version.value)
            }),
        }
    }
}

export!(Keeper);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cofferdam_guest::testing::{StoreShape, TestContext};

    use super::*;

    fn shown(kind: &str, shapes: &[(&'static str, StoreShape)]) -> Vec<String> {
        let config = std::collections::BTreeMap::from([("kind", kind)]);
        let mut test = TestContext::<Keeper>::with_stores(config, shapes.iter().copied()).unwrap();
        for (value, time) in [("late", 20_000), ("early", 5_000), ("last", 30_000)] {
            test.process(Record::new("k", value, time)).unwrap();
        }
        test.process(Record::new("k", (), 30_000)).unwrap();
        test.outputs::<String, String>().unwrap().into_iter().map(|record| record.value).collect()
    }

    #[test]
    fn each_kind_shows_what_it_keeps() {
        assert_eq!(shown("key-value", &[]), ["30000: last"]);
        assert_eq!(shown("window", &[]), ["5000 to 5000: early", "20000 to 20000: late", "30000 to 30000: last"]);
        assert_eq!(shown("session", &[]), ["-5000 to 5000: early", "10000 to 20000: late", "20000 to 30000: last"]);
        let ever = Timestamp::MAX;
        let versions = ["5000 to 20000: early".to_owned(), "20000 to 30000: late".to_owned(), format!("30000 to {ever}: last")];
        assert_eq!(shown("versioned", &[]), versions);
    }

    #[test]
    fn what_has_expired_is_not_shown() {
        let ten = Duration::from_secs(10);
        assert_eq!(shown("window", &[("kept", StoreShape::window(ten, ten))]), ["30000 to 30000: last"]);
        assert_eq!(shown("session", &[("kept", StoreShape::session(ten * 2))]), ["10000 to 20000: late", "20000 to 30000: last"]);
        assert_eq!(shown("versioned", &[("kept", StoreShape::versioned(ten))])[0], "20000 to 30000: late");
    }
}
