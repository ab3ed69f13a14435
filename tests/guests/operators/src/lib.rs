//! The operators of the conformance vectors, as processors: `config = { op = ".." }` says which.
//!
//! Their functions (predicates, mappers, aggregators) are those that the vectors' `params` state; what is put to the test is the host.

use cofferdam_guest::{Access, Context, Description, Failure, KeyValue, KeyValueReader, Processor, Record, Setup, Timestamp, export};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
enum Op {
    /// Passes on what comes.
    Pass {},
    /// Values whose number is even, or, with `not`, all others.
    FilterEven {
        #[serde(default)]
        not: bool,
    },
    /// Records with a key.
    FilterKey {},
    /// The value in upper case.
    Upper {},
    /// `key=value`.
    WithKey {},
    /// The value behind a text.
    Prefix { text: String },
    /// Key and value change places.
    Swap {},
    /// The value's first letter becomes the key.
    FirstLetter {},
    /// One record for each word of the value; with `key` the word is the key, and the old key the value.
    Words {
        #[serde(default)]
        key: bool,
    },
    /// To the first port whose number divides the value's; else to `rest`, where asked for.
    Split {
        ports: Vec<(String, u64)>,
        #[serde(default)]
        rest: bool,
    },
    /// One aggregate for each key, in a store.
    Aggregate { by: By },
    /// With the row of a table, `left+right`.
    Join {
        #[serde(default)]
        left: bool,
    },
    /// A node of a tree: tells port `enter` what it got, then forwards it with its name.
    Visit { name: String, mode: Mode },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    Count,
    /// `agg|value`, from the first value.
    Reduce,
    /// `aggvalue`, from an empty text.
    Concat,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Once, to all.
    All,
    /// Twice, the second 1 ms later.
    Twice,
    /// To port `c`, to all, to port `b`.
    Named,
    /// To nobody.
    Leaf,
}

type Texts = Record<Option<String>, Option<String>>;

enum Operator {
    Stateless(Op),
    Aggregate(By, KeyValue<String, String>),
    Join { left: bool, table: KeyValueReader<String, String> },
}

impl Processor for Operator {
    type Config = Op;
    type Input = Texts;

    fn describe() -> Description {
        Description::new("An operator of the conformance vectors.")
    }

    fn describe_with(op: &Op) -> Result<Description, String> {
        let operator = Self::describe();
        Ok(match op {
            Op::Split { ports, rest } => {
                let all = ports.iter().map(|(name, _)| name.as_str()).chain(rest.then_some("rest"));
                all.fold(operator, |operator, name| operator.port(name, "a branch"))
            }
            Op::Aggregate { .. } => operator.store("aggregates", Access::ReadWrite, "by key"),
            Op::Join { .. } => operator.store("table", Access::Read, "the right side"),
            Op::Visit { mode: Mode::Named, .. } => operator.port("enter", "what came").port("b", "to node B").port("c", "to node C"),
            Op::Visit { .. } => operator.port("enter", "what came"),
            _ => operator,
        })
    }

    fn init(op: Op, setup: &mut Setup) -> Result<Self, String> {
        Ok(match op {
            Op::Aggregate { by } => Self::Aggregate(by, setup.key_value("aggregates")?),
            Op::Join { left } => Self::Join { left, table: setup.read_key_value("table")? },
            stateless => Self::Stateless(stateless),
        })
    }

    fn process(&mut self, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Stateless(op) => stateless(op, record, ctx),
            Self::Aggregate(by, store) => aggregate(*by, store, record, ctx),
            Self::Join { left, table } => join(*left, table, record, ctx),
        }
    }
}

export!(Operator);

fn stateless(op: &Op, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let (key, value) = (record.key.clone(), record.value.clone());
    match op {
        Op::FilterEven { not } if (value.is_some() && number(&value).is_multiple_of(2)) == *not => Ok(()),
        Op::FilterKey {} if key.is_none() => Ok(()),
        Op::Upper {} => ctx.forward(record.with_value(value.map(|value| value.to_uppercase()))),
        Op::WithKey {} => ctx.forward(record.with_value(format!("{}={}", shown(&key), shown(&value)))),
        Op::Prefix { text } => ctx.forward(record.with_value(format!("{text}{}", shown(&value)))),
        Op::Swap {} => ctx.forward(record.with_key(value).with_value(key)),
        Op::FirstLetter {} => {
            let letter = value.and_then(|value| value.chars().next()).map(String::from);
            ctx.forward(record.with_key(letter))
        }
        Op::Words { key: as_key } => {
            let words = value.as_deref().unwrap_or_default().split(' ').filter(|word| !word.is_empty());
            words.into_iter().try_for_each(|word| if *as_key { ctx.forward((word, key.clone())) } else { ctx.forward((key.clone(), word)) })
        }
        Op::Split { ports, rest } => {
            let number = number(&value);
            match ports.iter().find(|(_, divisor)| number.is_multiple_of(*divisor)) {
                Some((port, _)) => ctx.forward_to(port, record),
                None if *rest => ctx.forward_to("rest", record),
                None => Ok(()),
            }
        }
        Op::Visit { name, mode } => visit(name, *mode, record, ctx),
        _ => ctx.forward(record),
    }
}

/// Records without a key or a value do not count. The result is as old as its youngest record.
fn aggregate(by: By, store: &KeyValue<String, String>, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let (Some(key), Some(value)) = (record.key, record.value) else { return Ok(()) };
    let held = store.get_row(&key)?;
    let timestamp: Timestamp = held.as_ref().map_or(record.timestamp, |(_, held)| record.timestamp.max(*held));
    let held = held.map(|(aggregate, _)| aggregate);
    let aggregate = match (by, held) {
        (By::Count, held) => {
            let count: u64 = held.map_or(Ok(0), |held| held.parse()).map_err(|_| Failure::fatal("the store holds no number"))?;
            (count + 1).to_string()
        }
        (By::Reduce, Some(held)) => format!("{held}|{value}"),
        (By::Concat, Some(held)) => format!("{held}{value}"),
        (By::Reduce | By::Concat, None) => value,
    };
    store.put_at(&key, &aggregate, timestamp)?;
    ctx.forward(Record::new(key, aggregate, timestamp))
}

/// Records without a value are dropped; those without a key or a row go on where `left`, with `null` beside them.
fn join(left: bool, table: &KeyValueReader<String, String>, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let Some(value) = record.value.clone() else { return Ok(()) };
    let row = record.key.as_ref().map(|key| table.get(key)).transpose()?.flatten();
    if row.is_none() && !left {
        return Ok(());
    }
    ctx.forward(record.with_value(format!("{value}+{}", shown(&row))))
}

fn visit(name: &str, mode: Mode, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let value = shown(&record.value).to_owned();
    let told = |suffix: &str, late: Timestamp| Record::new(record.key.clone(), format!("{value}/{name}{suffix}"), record.timestamp + late);
    ctx.forward_to("enter", record.clone())?;
    match mode {
        Mode::All => ctx.forward(told("", 0)),
        Mode::Twice => {
            ctx.forward(told("1", 0))?;
            ctx.forward(told("2", 1))
        }
        Mode::Named => {
            ctx.forward_to("c", told("-to-C", 0))?;
            ctx.forward(told("-to-all", 0))?;
            ctx.forward_to("b", told("-to-B", 0))
        }
        Mode::Leaf => Ok(()),
    }
}

/// The decimal digits of the value as one number, 0 where it has none.
fn number(value: &Option<String>) -> u64 {
    let digits: String = value.iter().flat_map(|value| value.chars()).filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

fn shown(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("null")
}
