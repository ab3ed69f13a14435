//! Who else is in the group, and which tasks each of them has: what its members own of the topics that tasks are dealt out by.
//!
//! The group's coordinator is asked by a thread of its own, one at a time, and what it says holds for a moment. Whoever wants to know waits for
//! it, and not for long.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::way::Way;
use crate::broker::{Broker, BrokerError, Member};
use crate::clock::Clock;
use crate::deploy::Entered;
use crate::limits;
use crate::manifest::is_of_the_machine;
use crate::record::TopicPartition;

/// Lists the members of the group.
type Members = Box<dyn Fn() -> Result<Vec<Member>, BrokerError> + Send + Sync>;

/// The other hosts of the app. Clones are the same ones.
#[derive(Clone)]
pub struct Peers(Arc<Shared>);

struct Shared {
    app: String,
    graph: String,
    members: Members,
    way: Way,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    /// The members were told, or could not be.
    told: Condvar,
    /// Queries that are being passed on.
    forwards: AtomicUsize,
}

/// What is known of the group.
#[derive(Default)]
struct Known {
    /// When it was asked, and what it has said.
    last: Option<(Duration, Result<Arc<Owners>, String>)>,
    asking: bool,
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// At a host with this address.
    At(Arc<str>),
    /// On this very host, or it was a moment ago.
    Here,
    /// At a host that has no port.
    Closed,
    /// At a host of another machine, which has told an address of that machine's own.
    OtherMachine,
    /// At this address, to which there is no way without TLS.
    NeedsTls(Arc<str>),
    /// At a host that runs another graph.
    OtherGraph,
}

/// The owner of each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owners(HashMap<TopicPartition, Owner>);

impl Owners {
    /// `with_tls`: whether there is a way to hosts of other machines.
    fn new(members: &[Member], graph: &str, with_tls: bool) -> Self {
        let this = members.iter().find(|member| member.own);
        let own = this.map(|member| &member.host);
        // A host may have gone over to another one.
        let graph = this.and_then(|member| member.announced.as_ref()).map_or(graph, |announced| &announced.graph);
        let owner = |member: &Member| match &member.announced {
            _ if member.own => Owner::Here,
            Some(announced) if announced.graph != graph => Owner::OtherGraph,
            None => Owner::Closed,
            Some(announced) => match announced.address.as_deref() {
                None => Owner::Closed,
                Some(address) if is_of_the_machine(address) && own.is_some_and(|own| *own != member.host) => Owner::OtherMachine,
                Some(address) if !is_of_the_machine(address) && !with_tls => Owner::NeedsTls(address.into()),
                Some(address) => Owner::At(address.into()),
            },
        };
        let all = members.iter().map(|member| (owner(member), &member.partitions));
        Self(all.flat_map(|(owner, partitions)| partitions.iter().map(move |at| (at.clone(), owner.clone()))).collect())
    }

    /// `None`: nobody has it.
    pub fn of(&self, driver: &TopicPartition) -> Option<&Owner> {
        self.0.get(driver)
    }
}

impl Peers {
    /// Those of `app` that run the same graph. `graph`: that of this host, before it is a member.
    pub fn new(broker: Arc<dyn Broker>, app: &str, graph: &str, way: Way, clock: Arc<dyn Clock>) -> Self {
        let group = app.to_owned();
        let members = move || {
            let mut members = broker.members(&group)?;
            Entered::apply(&*broker, &group, &mut members)?;
            Ok(members)
        };
        Self::of(Box::new(members), app, graph, way, clock)
    }

    pub(super) fn of(members: Members, app: &str, graph: &str, way: Way, clock: Arc<dyn Clock>) -> Self {
        let (app, graph) = (app.to_owned(), graph.to_owned());
        let (known, told, forwards) = Default::default();
        Self(Arc::new(Shared { app, graph, members, way, clock, known, told, forwards }))
    }

    pub(super) fn app(&self) -> &str {
        &self.0.app
    }

    pub(super) fn way(&self) -> &Way {
        &self.0.way
    }

    /// A place among the queries that may be under way at a time; `None`: there are too many.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let place = Place(&self.0.forwards);
        (self.0.forwards.fetch_add(1, Ordering::Relaxed) < limits::FORWARDS).then_some(place)
    }

    /// Who has which task, as the group has said a moment ago at the longest. An error says why that is not known.
    pub(super) fn owners(&self) -> Result<Arc<Owners>, String> {
        let since = self.0.clock.monotonic().saturating_sub(limits::MEMBERS_HOLD);
        self.owners_since(since)
    }

    /// The same, asked from now on: what was known before is not true any more.
    pub(super) fn owners_anew(&self) -> Result<Arc<Owners>, String> {
        self.owners_since(self.0.clock.monotonic())
    }

    fn owners_since(&self, since: Duration) -> Result<Arc<Owners>, String> {
        let mut known = self.0.lock();
        loop {
            if let Some((asked, said)) = &known.last
                && *asked >= since
            {
                return said.clone();
            }
            if !known.asking {
                known.asking = true;
                let shared = self.0.clone();
                let asking = std::thread::Builder::new().name("members".to_owned()).spawn(move || shared.ask());
                if let Err(why) = asking {
                    known.asking = false;
                    return Err(format!("the thread that asks the group cannot be started: {why}"));
                }
            }
            let (next, waited) = self.0.told.wait_timeout(known, limits::MEMBERS_PATIENCE).unwrap_or_else(PoisonError::into_inner);
            known = next;
            if waited.timed_out() {
                return Err(format!("the group has not told its members within {} s", limits::MEMBERS_PATIENCE.as_secs()));
            }
        }
    }
}

impl Shared {
    fn ask(&self) {
        let asked = self.clock.monotonic();
        let said = (self.members)().map_err(|why| why.to_string());
        let said = said.map(|members| Arc::new(Owners::new(&members, &self.graph, self.way.is_tls())));
        let mut known = self.lock();
        *known = Known { last: Some((asked, said)), asking: false };
        self.told.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query under way.
pub(super) struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::broker::Announcement;
    use crate::clock::SystemClock;

    fn member(host: &str, graph: &str, address: Option<&str>, partition: u32) -> Member {
        let announced = Some(Announcement { graph: graph.into(), deployment: None, address: address.map(str::to_owned) });
        Member { announced, host: host.into(), partitions: vec![TopicPartition::new("in", partition)], ..Member::default() }
    }

    #[test]
    fn a_task_is_where_the_partition_is_that_it_is_dealt_out_by_and_asked_where_there_is_a_way() {
        let away = "host-2.example:9500";
        let members = [
            Member { own: true, ..member("/10.0.0.1", "g", Some("127.0.0.1:9500"), 0) },
            member("/10.0.0.1", "g", Some("127.0.0.1:9501"), 1),
            // Another machine's own address would lead to somebody of this one.
            member("/10.0.0.2", "g", Some("127.0.0.1:9502"), 2),
            member("/10.0.0.2", "g", Some("localhost:9502"), 3),
            member("/10.0.0.2", "g", Some(away), 4),
            member("/10.0.0.2", "g", None, 5),
            member("/10.0.0.2", "h", Some(away), 6),
            Member { announced: None, ..member("/10.0.0.2", "g", None, 7) },
        ];
        let of = |with_tls| {
            let owners = Owners::new(&members, "g", with_tls);
            (0..9).map(|partition| owners.of(&TopicPartition::new("in", partition)).cloned()).collect::<Vec<_>>()
        };
        let at = |address: &str| Owner::At(address.into());
        use Owner::{Closed, Here, NeedsTls, OtherGraph, OtherMachine};
        let without = [Here, at("127.0.0.1:9501"), OtherMachine, OtherMachine, NeedsTls(away.into()), Closed, OtherGraph, Closed];
        assert_eq!(of(false), without.clone().into_iter().map(Some).chain([None]).collect::<Vec<_>>());
        let mut with_tls = without;
        with_tls[4] = at(away);
        assert_eq!(of(true), with_tls.into_iter().map(Some).chain([None]).collect::<Vec<_>>());
    }

    #[test]
    fn the_group_is_asked_by_one_at_a_time_and_its_answer_holds_until_it_is_known_to_be_wrong() {
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        let answers = Mutex::new(answers);
        let members = move || {
            ask.send(()).unwrap();
            answers.lock().unwrap().recv().unwrap()
        };
        let peers = Peers::of(Box::new(members), "a", "g", Way::on_own_machine(), Arc::new(SystemClock));
        let asking: Vec<_> = (0..3)
            .map(|_| {
                let peers = peers.clone();
                std::thread::spawn(move || peers.owners())
            })
            .collect();
        asked.recv().unwrap();
        answer.send(Ok(vec![member("/h", "g", None, 0)])).unwrap();
        for thread in asking {
            assert_eq!(thread.join().unwrap().unwrap().0.len(), 1);
        }
        assert!(peers.owners().is_ok() && asked.try_recv().is_err());
        answer.send(Err(BrokerError::UnknownTopic("t".into()))).unwrap();
        assert_eq!(peers.owners_anew().unwrap_err(), "topic 't' does not exist");
        asked.recv().unwrap();
        assert!(peers.owners().is_err() && asked.try_recv().is_err());
    }
}
