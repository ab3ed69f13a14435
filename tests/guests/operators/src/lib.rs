//! The operators of the conformance vectors, as processors: `config = { op = ".." }` says which.
//!
//! Their functions (predicates, mappers, aggregators) are those that the vectors' `params` state; what is put to the test is the host.

mod aggregate;
mod functions;
mod stateless;
mod tables;
mod visit;

use cofferdam_guest::{
    Access, Carries, Context, Description, Failure, KeyValue, KeyValueReader, Processor, RawRecord, Record, Role, Roles, Setup, Takes,
    Update, export,
};
use serde::Deserialize;

use functions::{Aggregator, Mapper, Predicate, TableAggregator};
use tables::{Sides, TableJoin};
use visit::Mode;

/// A record of a stream.
type Texts = Record<Option<String>, Option<String>>;
/// An update of a table.
type Change = Update<String, String>;
type Rows = KeyValue<String, String>;
type ReadRows = KeyValueReader<String, String>;

#[derive(Clone, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum Op {
    /// Passes on what comes.
    Pass {},
    /// Records for which the predicate holds, or, with `not`, all others.
    Filter {
        when: Predicate,
        #[serde(default)]
        not: bool,
    },
    /// Each record with another key or value.
    Map { mapper: Mapper },
    /// One record for each word of the value; with `key` the word is the key, and the old key the value.
    Words {
        #[serde(default)]
        key: bool,
    },
    /// Tells port `log` what comes, then passes it on.
    Peek {},
    /// To port `branch-N` of the first predicate that holds; else to `rest`, where asked for.
    Split {
        branches: Vec<Predicate>,
        #[serde(default)]
        rest: bool,
    },
    /// A node of a tree: tells port `enter` what it got, forwards it with its name, tells port `exit`.
    Visit { name: String, mode: Mode },
    /// One aggregate for each key, in a store.
    Aggregate { aggregator: Aggregator },
    /// The same of several streams, by the role of the input.
    Cogroup { roles: Vec<(String, Aggregator)> },
    /// With the row of a table, a text between the two.
    Join {
        between: String,
        #[serde(default)]
        left: bool,
    },
    /// Rows for which the predicate holds, or, with `not`, all others. A row that does not pass is a tombstone: `always`, or where the
    /// one before it had passed.
    TableFilter {
        when: Predicate,
        #[serde(default)]
        not: bool,
        #[serde(default)]
        always: bool,
        #[serde(default)]
        stored: bool,
    },
    /// Each row with another value.
    TableMap {
        mapper: Mapper,
        #[serde(default)]
        stored: bool,
    },
    /// Rows by the group that stands in their value.
    Regroup {},
    /// One aggregate for each group.
    TableAggregate { aggregator: TableAggregator },
    /// Of two tables, a text between the two.
    TableJoin {
        between: String,
        sides: Sides,
        #[serde(default)]
        stored: bool,
    },
}

enum Operator {
    Stateless(Op),
    Aggregate(Aggregator, Rows),
    Cogroup(Vec<(String, Aggregator)>, Rows),
    Join { left: bool, between: String, table: ReadRows },
    Table(Op, Option<Rows>),
    TableAggregate(TableAggregator, Rows),
    TableJoin(TableJoin),
}

impl Processor for Operator {
    type Config = Op;
    type Input = RawRecord;

    fn describe() -> Description {
        Description::new("An operator of the conformance vectors.")
    }

    fn describe_with(op: &Op) -> Result<Description, String> {
        let operator = Self::describe();
        let table = |stored: bool| {
            let table = Self::describe().inputs(Roles::Any(Takes::Updates)).default_port(Carries::Updates, "what has changed");
            if stored { table.store("result", Access::ReadWrite, "the rows that came out") } else { table }
        };
        let two = |takes| Roles::Exactly(["left", "right"].map(|side| Role::new(side, takes, "one of two sides")).into());
        Ok(match op {
            Op::Peek {} => operator.port("log", "what came by"),
            Op::Split { branches, rest } => {
                let named = (0..branches.len()).map(|at| format!("branch-{at}")).chain(rest.then(|| "rest".to_owned()));
                named.fold(operator, |operator, name| operator.port(name, "a branch"))
            }
            Op::Visit { mode, .. } => visit::describe(operator, *mode),
            Op::Aggregate { .. } => operator.store("aggregates", Access::ReadWrite, "by key"),
            Op::Cogroup { .. } => operator.inputs(two(Takes::Records)).store("aggregates", Access::ReadWrite, "by key"),
            Op::Join { .. } => operator.store("table", Access::Read, "the right side"),
            Op::TableFilter { stored, .. } | Op::TableMap { stored, .. } => table(*stored),
            Op::Regroup {} => table(false),
            Op::TableAggregate { .. } => table(false).store("aggregates", Access::ReadWrite, "by group"),
            Op::TableJoin { stored, .. } => {
                let sides = ["left", "right"].into_iter();
                sides.fold(table(*stored).inputs(two(Takes::Updates)), |join, side| join.store(side, Access::Read, "one of two tables"))
            }
            Op::Pass {} | Op::Filter { .. } | Op::Map { .. } | Op::Words { .. } => operator,
        })
    }

    fn init(op: Op, setup: &mut Setup) -> Result<Self, String> {
        let result = |setup: &mut Setup, stored: bool| stored.then(|| setup.key_value("result")).transpose();
        Ok(match op {
            Op::Aggregate { aggregator } => Self::Aggregate(aggregator, setup.key_value("aggregates")?),
            Op::Cogroup { roles } => Self::Cogroup(roles, setup.key_value("aggregates")?),
            Op::Join { left, between } => Self::Join { left, between, table: setup.read_key_value("table")? },
            Op::TableFilter { stored, .. } | Op::TableMap { stored, .. } => Self::Table(op, result(setup, stored)?),
            Op::Regroup {} => Self::Table(op, None),
            Op::TableAggregate { aggregator } => Self::TableAggregate(aggregator, setup.key_value("aggregates")?),
            Op::TableJoin { between, sides, stored } => Self::TableJoin(TableJoin {
                between,
                sides,
                left: setup.read_key_value("left")?,
                right: setup.read_key_value("right")?,
                result: result(setup, stored)?,
            }),
            stateless => Self::Stateless(stateless),
        })
    }

    fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Stateless(op) => stateless::run(op, record.decode()?, ctx),
            Self::Aggregate(aggregator, rows) => aggregate::run(aggregator, rows, record.decode()?, ctx),
            Self::Cogroup(roles, rows) => {
                let by_role = roles.iter().find(|(role, _)| ctx.role() == Some(role));
                let (_, aggregator) = by_role.ok_or_else(|| Failure::fatal("an input that has no aggregator"))?;
                aggregate::run(aggregator, rows, record.decode()?, ctx)
            }
            Self::Join { left, between, table } => join(*left, between, table, record.decode()?, ctx),
            Self::Table(op, result) => tables::run(op, result.as_ref(), record.decode_update()?, ctx),
            Self::TableAggregate(aggregator, rows) => aggregate::run_table(aggregator, rows, record.decode_update()?, ctx),
            Self::TableJoin(join) => join.run(record.decode_update()?, ctx),
        }
    }
}

export!(Operator);

/// Records without a value are dropped; those without a key or a row go on where `left`, with `null` beside them.
fn join(left: bool, between: &str, table: &ReadRows, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let Some(value) = record.value.clone() else { return Ok(()) };
    let row = record.key.as_ref().map(|key| table.get(key)).transpose()?.flatten();
    if row.is_none() && !left {
        return Ok(());
    }
    ctx.forward(record.with_value(format!("{value}{between}{}", functions::shown(row.as_deref()))))
}
