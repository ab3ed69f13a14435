//! `deploy`: an app is published to its hosts, after a look at what that changes.

use std::process::ExitCode;
use std::sync::Arc;

use crate::broker::Broker;
use crate::component;
use crate::deploy::{self, How, Overrides, Plan, Rollout};
use crate::error::Diagnostic;
use crate::manifest::{Broker as BrokerSection, Manifest};

use super::args;
use super::reach;
use super::report::{confirmed, say};

/// Shows the plan, asks, and publishes.
pub fn deploy(args: &args::Deploy) -> Result<ExitCode, Vec<Diagnostic>> {
    let one = |problem| vec![problem];
    let manifest = Manifest::load(&args.manifest)?;
    let cluster = reach::cluster(&args.cluster, None);
    let BrokerSection::Kafka(section) = &manifest.broker else { return Err(vec![no_cluster()]) };
    let broker: Arc<dyn Broker> = Arc::new(deploy::open_cluster(&manifest, section, &cluster, None).map_err(one)?);
    let engine = deploy::engine().map_err(one)?;
    let rollout = Rollout::plan(&engine, &args.manifest, &*broker, &Overrides { cluster, ..Overrides::default() })?;
    if rollout.is_there() {
        say(&format!("{}: deployment {} is the same; nothing to do", rollout.app, rollout.planned_on.unwrap_or(0)));
        return Ok(ExitCode::SUCCESS);
    }
    text(&rollout).iter().for_each(|line| say(line));
    if args.dry_run {
        say("nothing was published: --dry-run");
        return Ok(ExitCode::SUCCESS);
    }
    let nobody = || Diagnostic::usage("R104", "every host follows a deployment, and there is no terminal to ask at");
    if !(args.yes || confirmed("Publish it?", nobody).map_err(one)?) {
        say("nothing was published");
        return Ok(ExitCode::FAILURE);
    }
    let version = rollout.publish(&*broker).map_err(one)?;
    say(&format!("{}: deployment {version} is published", rollout.app));
    Ok(ExitCode::SUCCESS)
}

fn no_cluster() -> Diagnostic {
    Diagnostic::usage("R103", "only an app on Kafka can be deployed")
        .hint("on the embedded log one host runs the app: `swap` changes its components while it runs, a restart everything else")
}

fn text(rollout: &Rollout) -> Vec<String> {
    let on = rollout.planned_on.map_or_else(|| "nothing is published yet".to_owned(), |version| format!("planned on {version}"));
    let digest = rollout.digest();
    let mut lines = vec![format!("{}: {} ({on})", rollout.app, component::short(&digest))];
    lines.extend(rollout.plan.changes.iter().map(|change| {
        let (sign, parts) = match &change.how {
            How::Added => ("+", String::new()),
            How::Changed(parts) => ("~", format!(": {}", parts.join(", "))),
            How::Removed => ("-", String::new()),
        };
        format!("  {sign} {} {}{parts}", change.of, change.name)
    }));
    lines.push(effect(rollout.planned_on, &rollout.plan).to_owned());
    lines
}

fn effect(planned_on: Option<u64>, plan: &Plan) -> &'static str {
    match planned_on {
        None => "`cofferdam run --app` runs it on any machine",
        Some(_) if plan.changes.is_empty() => "hosts have nothing to do",
        Some(_) if plan.is_in_place() => "hosts change components in place, on trial",
        Some(_) => "hosts start their stream threads again; state of what is removed stays in its changelog",
    }
}
