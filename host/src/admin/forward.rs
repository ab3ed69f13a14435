//! A query on its way to the hosts that have its tasks: each of them is asked at once, and what has moved meanwhile once more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use tokio::task::JoinSet;

use super::exchange::uri_of_rows;
use super::hop::{Hop, HopRows};
use super::peers::{Owner, Owners, Peers};
use super::refusal::{Refusal, told};
use super::serving::Serving;
use super::stores::StoreQuery;
use crate::error::Diagnostic;
use crate::limits;
use crate::runtime::{Away, Elsewhere, FromOthers};
use crate::store::{CommittedRows, StoreRead};

/// What another host says of a store, where it is not simply without the task: whoever asks is to hear it.
const SAID_OF_A_STORE: &[&str] = &["R123", "R124", "R126"];

/// A query that others are to answer.
pub(super) struct Forward<'a> {
    peers: &'a Peers,
    uri: String,
}

/// A host that was asked for these tasks.
struct Answered {
    address: Arc<str>,
    away: Vec<Away>,
    answer: Answer,
}

/// What one host has answered.
enum Answer {
    /// These rows; it does not have these partitions.
    Rows(CommittedRows, BTreeSet<u32>),
    /// It has none of them.
    NotThere,
    /// It cannot tell.
    Refused(Diagnostic),
    /// It does not answer as a host of the group does.
    Silent(String),
}

impl<'a> Forward<'a> {
    /// In the words that it came in.
    pub fn new(peers: &'a Peers, store: &str, key: Option<&str>, query: &StoreQuery) -> Self {
        // Whose tasks are meant stands in the header.
        let query = StoreQuery { partition: None, ..query.clone() };
        Self { peers, uri: uri_of_rows(store, key, &query) }
    }
}

impl Elsewhere for Forward<'_> {
    fn read(&self, away: Vec<Away>, read: &StoreRead) -> Result<FromOthers, Diagnostic> {
        let Some(_place) = self.peers.place() else {
            let why = format!("{} queries are under way to other hosts", limits::FORWARDS);
            return Err(Diagnostic::run("R123", "other hosts cannot be asked now").because(why).hint("ask again in a while"));
        };
        let mut from = FromOthers::default();
        let moved = self.round(away, self.peers.owners(), read, &mut from)?;
        if !moved.is_empty() {
            let again = self.round(moved, self.peers.owners_anew(), read, &mut from)?;
            from.lack(again, || "the task is moving between hosts: ask again in a while".to_owned());
        }
        Ok(from)
    }
}

impl Forward<'_> {
    /// Asks the owners of these tasks. Those that were not where they should be are answered.
    fn round(
        &self,
        away: Vec<Away>,
        owners: Result<Arc<Owners>, String>,
        read: &StoreRead,
        from: &mut FromOthers,
    ) -> Result<Vec<Away>, Diagnostic> {
        let owners = match owners {
            Ok(owners) => owners,
            Err(why) => {
                from.lack(away, || format!("who has it is not known now: {why}"));
                return Ok(Vec::new());
            }
        };
        let mut calls: BTreeMap<Arc<str>, Vec<Away>> = BTreeMap::new();
        for away in away {
            match owners.of(&away.driver) {
                Some(Owner::At(address)) => calls.entry(address.clone()).or_default().push(away),
                other => from.lack(vec![away], || why_not(other)),
            }
        }
        let mut moved = Vec::new();
        for Answered { address, away, answer } in self.ask(calls, read)? {
            match answer {
                Answer::Rows(rows, missing) => {
                    from.pages.push(rows);
                    moved.extend(away.into_iter().filter(|away| missing.contains(&away.task.partition)));
                }
                Answer::NotThere => moved.extend(away),
                Answer::Refused(problem) => return Err(problem.because(format!("so says the host at {address}"))),
                Answer::Silent(why) => {
                    tracing::debug!(%address, "a host that was asked for a store does not answer: {why}");
                    from.lack(away, || format!("the host that has it, at {address}, does not answer: {why}"));
                }
            }
        }
        Ok(moved)
    }

    /// Asks all of them, so many at a time.
    fn ask(&self, calls: BTreeMap<Arc<str>, Vec<Away>>, read: &StoreRead) -> Result<Vec<Answered>, Diagnostic> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |why: &dyn std::fmt::Display| Diagnostic::run("R123", "other hosts cannot be asked now").because(why);
        let runtime = Serving::runtime().map_err(|why| failed(&why))?;
        let answers = runtime.block_on(async {
            let (mut under_way, mut answers) = (JoinSet::new(), Vec::new());
            for (address, away) in calls {
                if under_way.len() == limits::HOSTS_ASKED_AT_ONCE {
                    answers.extend(under_way.join_next().await);
                }
                let (peers, uri) = (self.peers.clone(), self.uri.clone());
                let partitions = away.iter().map(|away| away.task.partition).collect();
                let hop = Hop { app: peers.app().to_owned(), partitions, bytes: read.bytes };
                under_way.spawn(async move {
                    let answer = ask(&peers, &address, &uri, &hop).await;
                    Answered { address, away, answer }
                });
            }
            while let Some(done) = under_way.join_next().await {
                answers.push(done);
            }
            answers
        });
        // A name that is being looked up is not waited for.
        runtime.shutdown_background();
        answers.into_iter().collect::<Result<_, _>>().map_err(|why| failed(&why))
    }
}

async fn ask(peers: &Peers, address: &str, uri: &str, hop: &Hop) -> Answer {
    let header = serde_json::to_string(hop).ok().and_then(|hop| HeaderValue::try_from(hop).ok());
    let Some(header) = header else { return Answer::Silent("the query cannot be written".to_owned()) };
    match peers.way().ask(address, uri, &header).await {
        Ok((status, body)) => understood(status, &body),
        Err(why) => Answer::Silent(in_full(&*why)),
    }
}

/// What came back: it is a host that said it, or whoever else listens there.
fn understood(status: StatusCode, body: &Bytes) -> Answer {
    if status.is_success() {
        let rows = serde_json::from_slice(body).ok().and_then(HopRows::read);
        return rows.map_or_else(|| Answer::Silent("what it says are no rows".to_owned()), |(rows, missing)| Answer::Rows(rows, missing));
    }
    if status == StatusCode::MISDIRECTED_REQUEST {
        return Answer::NotThere;
    }
    match serde_json::from_slice::<Refusal>(body).map(|refusal| told(status, refusal)) {
        Ok(problem) if SAID_OF_A_STORE.contains(&problem.code) => Answer::Refused(problem),
        Ok(problem) => Answer::Silent(format!("{}, {}", problem.code, problem.brief())),
        Err(_) => Answer::Silent(status.to_string()),
    }
}

/// An error and what is behind it: hyper says the least in the first line.
fn in_full(why: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(why.source(), |cause| cause.source());
    causes.fold(why.to_string(), |said, cause| format!("{said}: {cause}"))
}

impl FromOthers {
    /// Nobody has told of these. The first reason is the one that is told.
    fn lack(&mut self, away: Vec<Away>, hint: impl FnOnce() -> String) {
        if !away.is_empty() {
            self.hint.get_or_insert_with(hint);
            self.missing.extend(away.into_iter().map(|away| away.task));
        }
    }
}

/// Why a task is asked of nobody, and what helps.
fn why_not(owner: Option<&Owner>) -> String {
    match owner {
        Some(Owner::At(_)) => String::new(),
        Some(Owner::Here) => "the task is just coming to this host: ask again in a while".to_owned(),
        Some(Owner::Closed) => {
            "hosts ask each other where each has a port: `listen` of [admin], or `run --listen`, at all of them. A host that \
                                had none keeps that name in the group until it has left (`--leave`)"
                .to_owned()
        }
        Some(Owner::OtherMachine) => {
            "the host that has it is on another machine, and can be reached there alone: give every host an address that \
                                      others reach, with tls-cert, tls-key, peer-token and peer-ca of [admin]"
                .to_owned()
        }
        Some(Owner::NeedsTls(address)) => {
            format!("the host that has it is at {address}, and this one has no way there: give it peer-token and peer-ca in [admin]")
        }
        Some(Owner::OtherGraph) => "the host that has it runs another graph: ask again when all hosts have changed".to_owned(),
        None => "no host has it at the moment: ask again in a while".to_owned(),
    }
}

#[cfg(test)]
mod tests;
