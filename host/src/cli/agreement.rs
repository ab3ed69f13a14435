//! Hosts of one group share its tasks, so they have to run the same graph. A host that meets members with another one does not join them: it waits.

use std::time::Duration;

use crate::broker::Member;
use crate::error::Diagnostic;
use crate::limits;

use super::ground::Bound;
use super::signals::Ear;

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Members that a message names.
const NAMED: usize = 5;

/// What came of waiting.
pub enum Agreement<T> {
    /// Nobody in the group runs another graph.
    Reached,
    /// The command was told to stop.
    Stopped,
    /// This came in between.
    Instead(T),
}

/// Waits until no member of the group runs another graph than an app that is to be started. `instead` is asked between two looks.
pub fn wait<T>(
    bound: &Bound,
    ear: &Ear,
    mut instead: impl FnMut() -> Result<Option<T>, Vec<Diagnostic>>,
) -> Result<Agreement<T>, Vec<Diagnostic>> {
    let mut said = false;
    loop {
        let others = others(bound)?;
        if others.is_empty() {
            return Ok(Agreement::Reached);
        }
        if !said {
            said = true;
            tracing::warn!(graph = bound.graph, "waits for members of the group that run another graph: {}", names(&others));
        }
        if ear.wait(LOOK_INTERVAL).is_some() {
            return Ok(Agreement::Stopped);
        }
        if let Some(instead) = instead()? {
            return Ok(Agreement::Instead(instead));
        }
    }
}

/// As `wait`, for an app of which nothing is deployed: who runs another graph may run it for ever. One that has gone without a word is a
/// member until its session is over.
pub fn wait_for_a_session(bound: &Bound, ear: &Ear) -> Result<Agreement<()>, Vec<Diagnostic>> {
    let clock = &bound.plan.clock;
    let until = clock.monotonic() + limits::AGREEMENT_PATIENCE;
    wait(bound, ear, || if clock.monotonic() < until { Ok(None) } else { others(bound).and_then(|others| refusal(bound, &others)) })
}

fn refusal(bound: &Bound, others: &[Member]) -> Result<Option<()>, Vec<Diagnostic>> {
    if others.is_empty() {
        return Ok(None);
    }
    let app = &bound.app.topology.app;
    Err(vec![
        Diagnostic::usage("R106", format!("hosts of '{app}' are running that have another graph than this manifest"))
            .because(format!("members of the group are {}", names(others)))
            .hint("publish the manifest (`cofferdam deploy`) and run what is deployed (`run --app`): hosts then change together. Or stop the others first, with SIGINT or `--leave`"),
    ])
}

/// Members that run another graph. What was there before a restart of this host counts, too: others would take the new one for it.
fn others(bound: &Bound) -> Result<Vec<Member>, Vec<Diagnostic>> {
    let members = bound.broker.members(&bound.app.topology.app);
    let mut members = members.map_err(|why| vec![Diagnostic::run("B002", "the log failed").because(why)])?;
    members.retain(|member| member.announced.as_ref().is_some_and(|announced| announced.graph != bound.graph));
    Ok(members)
}

fn names(members: &[Member]) -> String {
    let name = |member: &Member| if member.own { format!("{member} (this host, before it was started)") } else { member.to_string() };
    let mut names: Vec<String> = members.iter().take(NAMED).map(name).collect();
    if members.len() > NAMED {
        names.push(format!("{} more", members.len() - NAMED));
    }
    names.join(", ")
}
