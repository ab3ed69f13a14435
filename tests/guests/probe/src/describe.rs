//! What the probe says about itself: as much as its configuration makes it.

use cofferdam_guest::{Access, Carries, Description, Role, Roles, Takes};

use crate::behaviour::{Do, Walk};
use crate::hostile;

pub(crate) fn description(what: &Do) -> Result<Description, String> {
    let probe = Description::new(format!("Probe: {what:?}"));
    Ok(match what {
        Do::Count {} | Do::Punctuate { .. } => probe.store("counts", Access::ReadWrite, "records by key"),
        Do::Put {} | Do::Outlive { .. } | Do::Iterators { .. } | Do::Deletes {} | Do::WriteThenFail {} => {
            probe.store("rows", Access::ReadWrite, "what was put")
        }
        Do::Read {} => probe.store("rows", Access::Read, "what another node has put"),
        Do::Windows {} => probe.window_store("windows", Access::ReadWrite, "records by key and window"),
        Do::Sessions {} => probe.session_store("sessions", Access::ReadWrite, "records by key and session"),
        Do::Versions {} => probe.versioned_store("versions", Access::ReadWrite, "values by key and time"),
        Do::Join {} => probe.store("table", Access::Read, "the other side").port("unmatched", "records without a row"),
        Do::Route {} => probe.port("even", "even numbers").port("odd", "odd numbers"),
        Do::Walk { mode: Walk::Named } => probe.port("b", "to B").port("c", "to C"),
        Do::Roles {} => probe.inputs(Roles::Exactly(vec![
            Role::new("left", Takes::Either, "the left side"),
            Role::new("right", Takes::Either, "the right side"),
        ])),
        Do::Changes {} => probe.inputs(Roles::Any(Takes::Either)).default_port(Carries::Records, "what has changed, as text"),
        Do::Open { role, write, declare: true } => {
            probe.store(role, if *write { Access::ReadWrite } else { Access::Read }, "opened at init")
        }
        Do::DescribeLoop {} => hostile::never_return(),
        Do::DescribePanic {} => panic!("describe panics, as configured"),
        Do::DescribeMuch { ports, bytes } => {
            let much = Description::new("x".repeat(*bytes));
            (0..*ports).fold(much, |much, port| much.port(format!("port-{port}"), "one of many"))
        }
        Do::DescribeSchema { schema } => probe.config_schema(schema.clone()),
        _ => probe,
    })
}
