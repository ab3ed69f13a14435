//! The deployments of an app, in the compacted topic `<app>-deployments`: each a record with its outline, and the components in chunks under
//! their digests. What no deployment but the last ones names any more is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::bundle::{Bundle, Outline, Part};
use super::signing::Signature;
use super::topics::{differs, log_failed};
use crate::broker::{Broker, BrokerError, Cleanup, OutgoingRecord, Reader, Retry, TopicSpec};
use crate::component::{self, Component};
use crate::error::Diagnostic;
use crate::limits;
use crate::record::{Offset, Record, Timestamp, TopicPartition};

/// Records that one read of the topic takes.
const READ: usize = 100;

/// Reads, each with its own patience, after which the outcome of a publication stays unknown.
const READS_IN_DOUBT: usize = 5;

/// The topic of an app's deployments.
pub fn deployments_topic(app: &str) -> Arc<str> {
    format!("{app}-deployments").into()
}

/// A deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// They are counted from 1.
    pub version: u64,
    /// What was published.
    pub bundle: Bundle,
    /// Who vouches for it; nobody has looked whether that is so.
    pub signature: Option<Signature>,
}

/// What is in the topic, as far as it has been read.
pub struct Deployments {
    at: TopicPartition,
    next: Offset,
    rows: BTreeMap<Bytes, Bytes>,
}

impl Deployments {
    /// Nothing yet of an app's.
    pub fn of(app: &str) -> Self {
        Self { at: TopicPartition::new(deployments_topic(app), 0), next: 0, rows: BTreeMap::new() }
    }

    /// Where the topic ends now; `None`: it is not there.
    pub fn end(&self, broker: &dyn Broker) -> Result<Option<Offset>, BrokerError> {
        let there = broker.topics(std::slice::from_ref(&self.at.topic))?.into_iter().flatten().next();
        there.map(|_| Ok(broker.bounds(&self.at)?.1)).transpose()
    }

    /// Reads on to the end that the topic has now. A topic that is not there is empty.
    pub fn read(&mut self, broker: &dyn Broker, reader: &mut dyn Reader) -> Result<(), BrokerError> {
        match self.bounds(broker)? {
            Some(bounds) => self.read_between(reader, bounds),
            None => Ok(()),
        }
    }

    /// Where the topic begins and ends now; `None`: it is not there.
    fn bounds(&self, broker: &dyn Broker) -> Result<Option<(Offset, Offset)>, BrokerError> {
        self.end(broker)?.map(|_| broker.bounds(&self.at)).transpose()
    }

    fn read_between(&mut self, reader: &mut dyn Reader, (first, end): (Offset, Offset)) -> Result<(), BrokerError> {
        self.next = self.next.max(first);
        let mut taken = Vec::new();
        while self.next < end {
            let next = reader.read_up_to(&self.at, self.next, end, READ, &mut taken)?;
            if next == self.next {
                return Err(BrokerError::Failed {
                    what: format!("read {}", self.at),
                    why: "its records do not come".into(),
                    retry: Retry::Same,
                });
            }
            self.next = next;
            for consumed in taken.drain(..) {
                let Some(key) = consumed.record.key else { continue };
                match consumed.record.value {
                    Some(value) => _ = self.rows.insert(key, value),
                    None => _ = self.rows.remove(&key),
                }
            }
        }
        Ok(())
    }

    /// The number of the last one; `None`: nothing was ever deployed.
    pub fn last(&self) -> Option<u64> {
        self.versions().max()
    }

    fn versions(&self) -> impl Iterator<Item = u64> {
        self.rows.keys().filter_map(|key| std::str::from_utf8(key).ok()?.strip_prefix("deployment/")?.parse().ok())
    }

    /// A deployment, whole and as it was published.
    pub fn get(&self, version: u64) -> Result<Deployment, Diagnostic> {
        let broken = |why: String| Diagnostic::run("R101", format!("deployment {version} is not whole")).because(why);
        let outline = self.outline(version).ok_or_else(|| broken("its outline cannot be read".into()))?;
        let mut components = BTreeMap::new();
        for (name, part) in outline.components {
            let bytes = self.bytes(&part).ok_or_else(|| broken(format!("a chunk of {name} is missing")))?;
            if component::digest(&bytes) != part.digest {
                return Err(broken(format!("{name} is not what was published")));
            }
            components.insert(name.clone(), Component { name, digest: part.digest, bytes });
        }
        Ok(Deployment { version, bundle: Bundle { manifest: outline.manifest, components }, signature: outline.signature })
    }

    fn outline(&self, version: u64) -> Option<Outline> {
        serde_json::from_slice(self.rows.get(&deployment_key(version))?).ok()
    }

    fn bytes(&self, part: &Part) -> Option<Bytes> {
        if part.bytes as u64 > limits::COMPONENT_BYTES {
            return None;
        }
        let mut bytes = BytesMut::new();
        for chunk in 0..part.chunks() {
            bytes.extend_from_slice(self.rows.get(&chunk_key(&part.digest, chunk))?);
        }
        Some(bytes.freeze())
    }

    /// What has to be written to publish a bundle under a number: chunks that are not there, the outline, and what is not needed any more.
    fn writes(&self, bundle: &Bundle, version: u64, signature: Option<&Signature>) -> Vec<OutgoingRecord> {
        let mut writes = Vec::new();
        for component in bundle.components.values() {
            for (chunk, bytes) in component.bytes.chunks(limits::DEPLOYMENT_CHUNK_BYTES).enumerate() {
                let key = chunk_key(&component.digest, chunk);
                if self.rows.get(&key).is_none_or(|there| *there != *bytes) {
                    writes.push(self.write(key, Some(component.bytes.slice_ref(bytes))));
                }
            }
        }
        let outline = Outline { signature: signature.cloned(), ..bundle.outline() };
        let text = serde_json::to_vec(&outline).unwrap_or_default();
        writes.push(self.write(deployment_key(version), Some(text.into())));
        let kept = |old: &u64| old + limits::DEPLOYMENTS_KEPT > version;
        let mut needed: BTreeSet<Bytes> = self.versions().filter(kept).map(deployment_key).collect();
        for outline in self.versions().filter(kept).filter_map(|old| self.outline(old)).chain([outline]) {
            needed.extend(outline.components.values().flat_map(|part| (0..part.chunks()).map(|chunk| chunk_key(&part.digest, chunk))));
        }
        writes.extend(self.rows.keys().filter(|key| !needed.contains(*key)).map(|key| self.write(key.clone(), None)));
        writes
    }

    fn write(&self, key: Bytes, value: Option<Bytes>) -> OutgoingRecord {
        let record = Record { key: Some(key), value, timestamp: Timestamp(0), ..Record::default() };
        OutgoingRecord { topic: self.at.topic.clone(), partition: Some(0), record }
    }
}

fn deployment_key(version: u64) -> Bytes {
    format!("deployment/{version}").into()
}

fn chunk_key(digest: &str, chunk: usize) -> Bytes {
    format!("component/{digest}/{chunk}").into()
}

/// Publishes a bundle, all at once, in the place of the deployment that it was planned on; its number. Whoever deploys later takes the right to
/// write from whoever deploys now: of two, one is told.
pub fn publish(
    broker: &dyn Broker,
    app: &str,
    bundle: &Bundle,
    planned_on: Option<u64>,
    signature: Option<&Signature>,
) -> Result<u64, Diagnostic> {
    let topic = TopicSpec { cleanup: Cleanup::Compact, ..TopicSpec::new(deployments_topic(app), 1) };
    broker.create_topics(&[topic]).map_err(|e| first(differs(e)))?;
    let mut reader = broker.reader().map_err(|e| first(log_failed(e)))?;
    let version = planned_on.unwrap_or(0) + 1;
    let mut last = None;
    let mut writes = || {
        let mut deployments = Deployments::of(app);
        deployments.read(broker, &mut *reader)?;
        last = deployments.last();
        Ok(if last == planned_on { deployments.writes(bundle, version, signature) } else { Vec::new() })
    };
    let written = broker.write_alone(&format!("{app}-deploy"), &mut writes);
    if last != planned_on {
        return Err(overtaken(planned_on, &format!("is {}", said(last))));
    }
    match written {
        Ok(()) => Ok(version),
        // Whoever took the name while the commit was under way may have come before it or after it: the topic tells.
        Err(BrokerError::Failed { retry: Retry::InDoubt | Retry::FencedInDoubt, .. }) => {
            let there = read_in_the_end(broker, &mut *reader, app).map_err(|e| first(log_failed(e)))?;
            if there.outline(version).is_some_and(|outline| outline.digest() == bundle.digest()) {
                return Ok(version);
            }
            let now = there.last();
            let what = if now == planned_on { "somebody else is deploying".to_owned() } else { format!("is {}", said(now)) };
            Err(overtaken(planned_on, &what))
        }
        Err(BrokerError::Failed { what, why, retry: Retry::Recreate }) => {
            Err(overtaken(planned_on, "somebody else is deploying").because(format!("{what}: {why}")))
        }
        Err(error) => Err(first(log_failed(error))),
    }
}

/// What the topic has once every transaction that is open in it now has ended.
pub(super) fn read_in_the_end(broker: &dyn Broker, reader: &mut dyn Reader, app: &str) -> Result<Deployments, BrokerError> {
    let mut deployments = Deployments::of(app);
    let mut reads = READS_IN_DOUBT;
    // A cluster that does not say where the topic ends is not asked anew: whoever waits may have been told to stop.
    while let Some(bounds) = deployments.bounds(broker)? {
        reads -= 1;
        match deployments.read_between(reader, bounds) {
            Err(_) if reads > 0 => {}
            read => {
                read?;
                break;
            }
        }
    }
    Ok(deployments)
}

fn overtaken(planned_on: Option<u64>, what: &str) -> Diagnostic {
    Diagnostic::usage("R102", format!("planned on {}, {what}", said(planned_on)))
        .hint("look at the plan again: the same command makes a new one")
}

fn said(version: Option<u64>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}

fn first(problems: Vec<Diagnostic>) -> Diagnostic {
    problems.into_iter().next().unwrap_or_else(|| Diagnostic::run("B002", "the log failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::sim::SimBroker;
    use crate::clock::VirtualClock;

    fn bundle(bytes: &[u8]) -> Bundle {
        let component =
            |name: &str, bytes: Vec<u8>| Component { name: name.into(), digest: component::digest(&bytes), bytes: bytes.into() };
        let large = vec![bytes[0]; 2 * limits::DEPLOYMENT_CHUNK_BYTES + 1];
        let components = [component("small.wasm", b"always".to_vec()), component("large.wasm", large)];
        Bundle { manifest: "[app]\nid = \"app\"\n".into(), components: components.map(|c| (c.name.clone(), c)).into() }
    }

    fn read(broker: &SimBroker) -> Deployments {
        let mut deployments = Deployments::of("app");
        deployments.read(broker, &mut *broker.reader().unwrap()).unwrap();
        deployments
    }

    #[test]
    fn what_was_published_is_read_whole_for_two_deployments_more() {
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        assert_eq!(read(&broker).last(), None);
        for (version, byte) in (1..=5).zip(*b"abcde") {
            assert_eq!(publish(&broker, "app", &bundle(&[byte]), (version > 1).then(|| version - 1), None).unwrap(), version);
            let there = read(&broker);
            assert_eq!(
                (there.last(), there.get(version).unwrap()),
                (Some(version), Deployment { version, bundle: bundle(&[byte]), signature: None })
            );
        }
        let there = read(&broker);
        assert_eq!(there.versions().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(there.get(3).unwrap().bundle, bundle(b"c"));
        // Three outlines, three times three chunks of the large one, the small one once.
        assert_eq!(there.rows.len(), 3 + 9 + 1);
        assert!(there.rows.values().all(|value| value.len() <= limits::DEPLOYMENT_CHUNK_BYTES));
    }

    #[test]
    fn a_plan_on_another_deployment_than_the_last_is_refused_and_leaves_no_trace() {
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        publish(&broker, "app", &bundle(b"a"), None, None).unwrap();
        publish(&broker, "app", &bundle(b"b"), Some(1), None).unwrap();
        for (planned_on, said) in [(Some(1), "planned on 1, is 2"), (None, "planned on none, is 2"), (Some(3), "planned on 3, is 2")] {
            let refused = publish(&broker, "app", &bundle(b"c"), planned_on, None).unwrap_err();
            assert_eq!((refused.code, &*refused.message), ("R102", said));
        }
        assert_eq!(read(&broker).get(2).unwrap().bundle, bundle(b"b"));
    }

    #[test]
    fn a_publication_in_doubt_is_told_as_the_topic_has_it() {
        let doubt = || BrokerError::Failed { what: "commit".into(), why: "fenced".into(), retry: Retry::InDoubt };
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        broker.hide_next_commit(doubt());
        assert_eq!(publish(&broker, "app", &bundle(b"a"), None, None), Ok(1));
        broker.fail_next_commit(doubt());
        let refused = publish(&broker, "app", &bundle(b"b"), Some(1), None).unwrap_err();
        assert_eq!((refused.code, &*refused.message), ("R102", "planned on 1, somebody else is deploying"));
        assert_eq!(read(&broker).last(), Some(1));
    }

    #[test]
    fn what_somebody_else_wrote_there_is_no_deployment() {
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        publish(&broker, "app", &bundle(b"a"), None, None).unwrap();
        let there = read(&broker);
        let large = there.outline(1).unwrap().components["large.wasm"].digest.clone();
        for (key, value, why) in [
            (chunk_key(&large, 1), None, "a chunk of large.wasm is missing"),
            (chunk_key(&large, 1), Some("other"), "large.wasm is not what was published"),
            (deployment_key(1), Some("{"), "its outline cannot be read"),
        ] {
            broker.produce(vec![there.write(key, value.map(Bytes::from))], None).unwrap();
            let broken = read(&broker).get(1).unwrap_err();
            assert_eq!((broken.code, &broken.causes[..]), ("R101", &[why.to_owned()][..]));
        }
        // The next one is written whole.
        publish(&broker, "app", &bundle(b"a"), Some(1), None).unwrap();
        assert_eq!(read(&broker).get(2).map(|read| read.version), Ok(2));
    }
}
