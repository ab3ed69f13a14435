//! `reset`: an app begins anew. Its committed offsets move, its internal topics and the state of its tasks are deleted.
//!
//! Offsets without their state, or the other way round, would be wrong for ever. A file in the state folder says that a reset has begun; while it
//! is there, [`finished`] refuses to run the app, and another reset goes through.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::application::Application;
use super::topics::log_failed;
use crate::broker::{Broker, BrokerError, Committed};
use crate::error::Diagnostic;
use crate::record::{Offset, Timestamp, TopicPartition};
use crate::topology::{self, NodeKind, Source, SourceRole};

/// Folder of the tasks' state in a state folder; an app has a folder in it.
pub const TASKS_FOLDER: &str = "tasks";

/// Where sources begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetTo {
    /// At the first record that is there.
    Earliest,
    /// Behind the last one.
    Latest,
    /// At this offset of each partition, or at the first or the end where that is nearer.
    Offset(Offset),
    /// At the first record of each partition whose own timestamp is this or later.
    Time(Timestamp),
}

impl FromStr for ResetTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            _ => {}
        }
        if let Ok(offset) = text.parse() {
            return Ok(Self::Offset(offset));
        }
        let time = text.parse::<jiff::Timestamp>().map(|time| Self::Time(Timestamp(time.as_millisecond())));
        time.map_err(|_| "it must be earliest, latest, an offset, or a time such as 2026-01-31T18:00:00Z".to_owned())
    }
}

/// What a reset does.
#[derive(Debug)]
pub struct Reset {
    /// `app.id`.
    pub app: Arc<str>,
    /// The partitions of sources and tables, by source, topic, partition.
    pub offsets: Vec<Moved>,
    /// The internal topics that are there.
    pub topics: Vec<Arc<str>>,
    /// The folder of the tasks' state, where there is one.
    pub state: Option<PathBuf>,
}

/// A partition that is processed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub at: TopicPartition,
    /// What is committed now; `None`: nothing.
    pub from: Option<Offset>,
    /// Where the next run begins.
    pub to: Offset,
    /// A table's: it begins at its first record in any case, since its rows come from there.
    pub is_table: bool,
}

impl Reset {
    /// Looks what there is to do. Changes nothing.
    pub fn plan(app: &Application, broker: &dyn Broker, to: ResetTo) -> Result<Self, Vec<Diagnostic>> {
        let topology = &app.topology;
        let mut offsets = Vec::new();
        for node in &topology.nodes {
            let NodeKind::Source(Source { topics, role, .. }) = &node.kind else { continue };
            let to = match role {
                SourceRole::Stream => to,
                SourceRole::Table => ResetTo::Earliest,
                // Its topic is deleted, and what was committed of it.
                SourceRole::Repartition => continue,
            };
            for (topic, info) in topics.iter().zip(broker.topics(topics).map_err(log_failed)?) {
                for partition in 0..info.map_or(0, |info| info.spec.partitions) {
                    let at = TopicPartition::new(topic.clone(), partition);
                    let from = broker.committed(&topology.app, &at).map_err(log_failed)?.map(|committed| committed.offset);
                    let to = offset(broker, &at, to).map_err(log_failed)?;
                    offsets.push(Moved { at, from, to, is_table: *role == SourceRole::Table });
                }
            }
        }
        // A table may have had a changelog of its own under an earlier manifest.
        let changelogs = topology.stores.iter().map(|store| topology::own_changelog(&topology.app, &store.name));
        let mut internal = topology.internal_topics();
        internal.extend(changelogs);
        internal.sort_unstable();
        internal.dedup();
        let there = broker.topics(&internal).map_err(log_failed)?;
        let topics = internal.into_iter().zip(there).filter(|(_, info)| info.is_some()).map(|(name, _)| name).collect();
        let state = app.state_dir.join(TASKS_FOLDER).join(&*topology.app);
        Ok(Self { app: topology.app.clone(), offsets, topics, state: state.is_dir().then_some(state) })
    }

    /// Does it. Nobody may run the app. An error leaves a part done: the same call again completes it, and until then the app does not run.
    pub fn carry_out(&self, broker: &dyn Broker, state_dir: &Path) -> Result<(), Diagnostic> {
        let broken = |why: &dyn std::fmt::Display| {
            Diagnostic::run("R084", format!("the reset of '{}' could not be finished", self.app))
                .because(why)
                .hint("the same command completes it; until then `run` refuses")
        };
        begin(state_dir, &self.app).map_err(|e| broken(&e))?;
        if let Some(state) = &self.state {
            remove_folder(state).map_err(|e| broken(&e))?;
        }
        broker.delete_topics(&self.topics).map_err(|e| broken(&e))?;
        broker.set_committed(&self.app, &self.committed()).map_err(|e| broken(&e))?;
        fs::remove_file(begun(state_dir, &self.app)).map_err(|e| broken(&e))
    }

    /// What the group has committed afterwards. Nothing of a table: as if it had never been read.
    fn committed(&self) -> Vec<(TopicPartition, Option<Committed>)> {
        let committed = |moved: &Moved| (!moved.is_table).then(|| Committed { offset: moved.to, metadata: String::new() });
        self.offsets.iter().map(|moved| (moved.at.clone(), committed(moved))).collect()
    }
}

/// Refuses an app whose reset has begun and not ended.
pub fn finished(state_dir: &Path, app: &str) -> Result<(), Diagnostic> {
    if !begun(state_dir, app).exists() {
        return Ok(());
    }
    let problem =
        Diagnostic::usage("R083", format!("a reset of '{app}' has begun and not ended: its offsets and its state do not fit together"));
    Err(problem.hint("`cofferdam reset` with the same --to completes it"))
}

fn offset(broker: &dyn Broker, at: &TopicPartition, to: ResetTo) -> Result<Offset, BrokerError> {
    let (first, end) = broker.bounds(at)?;
    Ok(match to {
        ResetTo::Earliest => first,
        ResetTo::Latest => end,
        ResetTo::Offset(offset) => offset.clamp(first, end),
        ResetTo::Time(time) => broker.offset_at(at, time)?,
    })
}

/// The file that says that a reset of an app has begun.
fn begun(state_dir: &Path, app: &str) -> PathBuf {
    state_dir.join(format!("{app}.reset"))
}

/// Makes that file; it is on disk when this returns.
fn begin(state_dir: &Path, app: &str) -> io::Result<()> {
    File::create(begun(state_dir, app))?.sync_all()?;
    File::open(state_dir)?.sync_all()
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::TopicSpec;
    use crate::broker::sim::SimBroker;
    use crate::clock::VirtualClock;

    #[test]
    fn a_reset_that_fails_on_its_way_is_told_until_another_one_goes_through() {
        let dir = tempfile::tempdir().unwrap();
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        let spec = |name: &str| TopicSpec::new(name, 1);
        broker.create_topics(&[spec("in"), spec("app-x-changelog")]).unwrap();
        let state = dir.path().join(TASKS_FOLDER).join("app");
        fs::create_dir_all(state.join("in_0")).unwrap();
        let moved = |topic: &str, is_table| Moved { at: TopicPartition::new(topic, 0), from: Some(9), to: 7, is_table };
        let reset = |offsets| Reset { app: "app".into(), offsets, topics: vec!["app-x-changelog".into()], state: Some(state.clone()) };
        let error = reset(vec![moved("absent", false)]).carry_out(&broker, dir.path()).unwrap_err();
        assert_eq!((error.code, &error.causes[..]), ("R084", &["topic 'absent' does not exist".to_owned()][..]));
        assert_eq!(finished(dir.path(), "app").unwrap_err().code, "R083");
        assert_eq!(finished(dir.path(), "other"), Ok(()));
        reset(vec![moved("in", false)]).carry_out(&broker, dir.path()).unwrap();
        assert_eq!(finished(dir.path(), "app"), Ok(()));
        let committed = || broker.committed("app", &TopicPartition::new("in", 0)).unwrap();
        assert_eq!(committed(), Some(Committed { offset: 7, metadata: String::new() }));
        assert_eq!((broker.topics(&["app-x-changelog".into()]).unwrap(), state.exists()), (vec![None], false));
        reset(vec![moved("in", true)]).carry_out(&broker, dir.path()).unwrap();
        assert_eq!(committed(), None, "a table is read as if it had never been");
    }

    #[test]
    fn a_place_to_begin_is_a_word_an_offset_or_a_time() {
        let cases = [
            ("earliest", Some(ResetTo::Earliest)),
            ("latest", Some(ResetTo::Latest)),
            ("0", Some(ResetTo::Offset(0))),
            ("1234", Some(ResetTo::Offset(1234))),
            ("1970-01-01T00:00:01Z", Some(ResetTo::Time(Timestamp(1_000)))),
            ("1970-01-01T02:00:00+02:00", Some(ResetTo::Time(Timestamp(0)))),
            ("-1", None),
            ("beginning", None),
            ("1970-01-01", None),
            ("1970-01-01T00:00:01", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<ResetTo>().ok(), expected, "{text}");
        }
    }
}
