//! `deploy`: an app is published to its hosts, after a look at what that changes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::admin::{ControlClient, DeployRequest, PlanReport, PlanRequest};
use crate::broker::Broker;
use crate::clock::{Clock, SystemClock};
use crate::deploy::{self, Overrides, Rollout, SignKey, Signature};
use crate::error::Diagnostic;
use crate::manifest::{Broker as BrokerSection, Manifest};

use super::args;
use super::reach::{self, Held};
use super::report::{confirmed, say};

/// Shows the plan, asks, and publishes.
pub fn deploy(args: &args::Deploy) -> Result<ExitCode, Vec<Diagnostic>> {
    // Before anything else, so that nothing is planned in vain.
    let key = args.sign.as_deref().map(SignKey::read).transpose().map_err(one)?;
    let desk = Desk::open(args)?;
    let (plan, rollout) = desk.plan()?;
    if plan.is_there {
        say(&format!("{}: deployment {} is the same; nothing to do", plan.app, plan.planned_on.unwrap_or(0)));
        return Ok(ExitCode::SUCCESS);
    }
    plan.lines.iter().for_each(|line| say(line));
    if args.dry_run {
        say("nothing was published: --dry-run");
        return Ok(ExitCode::SUCCESS);
    }
    let nobody = || Diagnostic::usage("R104", "every host follows a deployment, and there is no terminal to ask at");
    if !(args.yes || confirmed("Publish it?", nobody).map_err(one)?) {
        say("nothing was published");
        return Ok(ExitCode::FAILURE);
    }
    let signature = key.map(|key| key.sign(&plan.app, plan.planned_on, &plan.digest));
    let signed = if signature.is_some() { ", signed" } else { "" };
    let version = desk.publish(&plan, rollout.as_ref(), signature)?;
    say(&format!("{}: deployment {version} is published{signed}", plan.app));
    Ok(ExitCode::SUCCESS)
}

/// Who plans and publishes.
struct Desk<'a> {
    manifest: &'a Path,
    overrides: Overrides,
    by: By,
}

enum By {
    /// The host that holds the state folder.
    Host(ControlClient),
    /// This command, on a cluster or on the log of a state folder that it holds.
    Command(Arc<dyn Broker>),
}

impl<'a> Desk<'a> {
    fn open(args: &'a args::Deploy) -> Result<Self, Vec<Diagnostic>> {
        let manifest = Manifest::load(&args.manifest)?;
        let cluster = reach::cluster(&args.cluster, None);
        let by = match &manifest.broker {
            BrokerSection::Kafka(section) => By::Command(Arc::new(deploy::open_cluster(&manifest, section, &cluster, None).map_err(one)?)),
            BrokerSection::Embedded => {
                let clock: Arc<dyn Clock> = Arc::new(SystemClock);
                match reach::hold(&args.state_dir.clone().unwrap_or_else(|| manifest.state_dir()), &clock).map_err(one)? {
                    Held::ByHost(host) => By::Host(host),
                    Held::Here(open) => By::Command(Arc::new(open.log)),
                }
            }
        };
        Ok(Self { manifest: &args.manifest, overrides: Overrides { cluster, ..Overrides::default() }, by })
    }

    /// What would change; planned by the host that publishes it, or else here.
    fn plan(&self) -> Result<(PlanReport, Option<Rollout>), Vec<Diagnostic>> {
        match &self.by {
            By::Host(host) => Ok((host.plan(&PlanRequest { manifest: self.whole_path()? }).map_err(one)?, None)),
            By::Command(broker) => {
                let rollout = Rollout::plan(&deploy::engine().map_err(one)?, self.manifest, &**broker, &self.overrides)?;
                Ok((PlanReport::new(&rollout), Some(rollout)))
            }
        }
    }

    /// Its number.
    fn publish(&self, plan: &PlanReport, rollout: Option<&Rollout>, signature: Option<Signature>) -> Result<u64, Vec<Diagnostic>> {
        match (&self.by, rollout) {
            (By::Command(broker), Some(rollout)) => rollout.publish(&**broker, signature.as_ref()).map_err(one),
            (By::Host(host), _) => {
                let (planned_on, digest) = (plan.planned_on, plan.digest.clone());
                let request = DeployRequest { manifest: self.whole_path()?, planned_on, digest, signature };
                let answer = host.deploy(&request).map_err(one)?;
                Ok(answer.version.unwrap_or(0))
            }
            (By::Command(_), None) => Err(one(Diagnostic::run("R102", "nothing was planned"))),
        }
    }

    /// The host stands elsewhere.
    fn whole_path(&self) -> Result<PathBuf, Vec<Diagnostic>> {
        let unreadable = |why| Diagnostic::usage("M001", format!("the manifest {} cannot be read", self.manifest.display())).because(why);
        self.manifest.canonicalize().map_err(|why| one(unreadable(why)))
    }
}

fn one(problem: Diagnostic) -> Vec<Diagnostic> {
    vec![problem]
}
