//! Frames: runs of records of one partition that the partition group would have handed out one after another, walked together.

use crate::limits;
use crate::node::{Position, PunctuationClock, SourceRecord};
use crate::record::Timestamp;

use super::frame_walk::FrameSource;
use super::plan::{LocalNode, TaskPlan};
use super::work::{Task, TaskError, extractor};

/// Frames in a row that may show that they differ from single records before the task goes without them for a while.
const DIFFERENCES: u32 = 8;

/// What a task needs for frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Records that have to go one at a time: those of a frame that was undone.
    singly: usize,
    /// How many frames in a row were undone because a node did in them what others can see: it drew a random number, or changed its schedules.
    differences: u32,
    /// Records that go one at a time because of them, before a frame is tried again.
    resting: usize,
    /// That they do was said.
    told: bool,
    causes: Vec<SourceRecord>,
    times: Vec<Timestamp>,
    /// None of the frame's records has a header that belongs to the host.
    plain: bool,
    /// Of the frame's records, as the limits count.
    bytes: usize,
}

impl Frames {
    /// After a rewind.
    pub(super) fn reset(&mut self) {
        self.singly = 0;
    }

    /// A frame was undone. Answers true when the next records go alone because of it, and nobody was told that they may.
    fn differed(&mut self) -> bool {
        self.differences += 1;
        let rests = self.differences >= DIFFERENCES;
        if rests {
            // The next one that differs is enough.
            (self.differences, self.resting) = (DIFFERENCES - 1, limits::SINGLE_RECORDS);
        }
        rests && !std::mem::replace(&mut self.told, true)
    }

    /// A record that has failed goes alone when it is tried again.
    pub(super) fn comes_alone(&mut self) {
        self.singly += 1;
    }
}

impl Task {
    /// Processes what comes next from a queue: one record, or a frame of up to `most`. Answers how many.
    pub(super) fn next_records(&mut self, plan: &TaskPlan, at: usize, now: Timestamp, most: usize) -> Result<usize, TaskError> {
        let queue = &self.group.queues[at];
        let most = most.min(self.frame_records(plan, queue.source));
        if self.frames.singly == 0 && most > 1 && queue.buffered() > 1 {
            let mut frames = std::mem::take(&mut self.frames);
            let taken = self.frame(plan, &mut frames, at, now, most);
            self.frames = frames;
            if let taken @ (1..) = taken? {
                return Ok(taken);
            }
        }
        self.frames.singly = self.frames.singly.saturating_sub(1);
        self.frames.resting = self.frames.resting.saturating_sub(1);
        self.one_record(plan, at, now)?;
        Ok(1)
    }

    /// The most records of a source that may go together: as many as the node takes that takes fewest.
    fn frame_records(&self, plan: &TaskPlan, source: LocalNode) -> usize {
        let Some(processors) = &plan.node(source).in_frames else { return 1 };
        if !plan.frames || self.frames.resting > 0 {
            return 1;
        }
        let nodes = processors.iter().filter_map(|&at| self.walker.nodes[at as usize].as_ref());
        nodes.map(|node| node.frame_records()).min().unwrap_or(limits::FRAME_RECORDS)
    }

    /// Answers 0 when the next record has to go alone. The records stay in their queue until all has gone well.
    fn frame(&mut self, plan: &TaskPlan, frames: &mut Frames, at: usize, now: Timestamp, most: usize) -> Result<usize, TaskError> {
        self.gather(plan, frames, at, most);
        let count = frames.causes.len();
        let (Some(env), Some(last)) = (&mut self.walker.env, frames.causes.last().copied()) else { return Ok(0) };
        let queue = &self.group.queues[at];
        let Some(records) = queue.run() else { return Ok(0) };
        let (source, before, random) = (queue.source, env.stream_time, env.random.clone());
        env.now = now;
        env.position = Some(Position { topic: queue.at.topic.clone(), partition: queue.at.partition, offset: frames.causes[0].offset });
        let point = self.walker.undo_point().map_err(TaskError::Broken)?;
        let walked = self.walker.walk_frame(
            plan,
            FrameSource { source, queue: at, records, plain: frames.plain, bytes: frames.bytes },
            &frames.times,
            &frames.causes,
        );
        let Some(env) = &mut self.walker.env else { return Ok(0) };
        let differs = env.schedules.changed() || env.random != random;
        if walked.is_ok() && !differs {
            env.stream_time = Some(last.stream_time);
            self.walker.keep(point);
            self.group.queues[at].pass(count);
            frames.differences = 0;
            self.frame_done(plan, frames, source);
            self.punctuate(PunctuationClock::StreamTime, last.stream_time, now)?;
            return Ok(count);
        }
        (env.stream_time, env.random) = (before, random);
        self.walker.undo(point);
        frames.singly = count;
        if walked.is_ok() && frames.differed() {
            tracing::info!(
                task = %self.id.name,
                "nodes draw random numbers or change their schedules too often for frames: {} records at a time go one by one before a frame is tried again",
                limits::SINGLE_RECORDS
            );
        }
        Ok(0)
    }

    /// Looks which records of a queue make a frame. It ends where another partition's record is due, or a punctuation.
    fn gather(&mut self, plan: &TaskPlan, frames: &mut Frames, at: usize, most: usize) {
        let Frames { causes, times, plain, bytes, .. } = frames;
        causes.clear();
        times.clear();
        (*plain, *bytes) = (true, 0);
        let Some(env) = &self.walker.env else { return };
        let punctuation = env.schedules.next_due(PunctuationClock::StreamTime);
        let mut stream_time = env.stream_time;
        let rival = self.group.rival(at, |source| extractor(plan, source));
        let queue = &self.group.queues[at];
        for (record, time) in queue.ahead(extractor(plan, queue.source)).take(most) {
            // One without a usable time fails, and alone.
            let Ok(time) = time else { break };
            if rival.is_some_and(|rival| rival < (time, at)) {
                break;
            }
            let reached = stream_time.map_or(time, |seen| seen.max(time));
            stream_time = Some(reached);
            *bytes += record.size();
            *plain &= !record.headers.has_reserved();
            causes.push(SourceRecord { offset: record.offset, stream_time: reached });
            times.push(time);
            if *bytes >= limits::FRAME_RECORD_BYTES || punctuation.is_some_and(|due| due <= reached) {
                break;
            }
        }
    }

    fn frame_done(&mut self, plan: &TaskPlan, frames: &Frames, source: LocalNode) {
        let count = frames.causes.len() as u64;
        self.dirty = true;
        self.counters.processed += count;
        self.counters.from_inputs += if plan.reads_input(source) { count } else { 0 };
        for (cause, time) in frames.causes.iter().zip(&frames.times) {
            self.counters.lateness.add(u64::try_from(cause.stream_time.0.saturating_sub(time.0)).unwrap_or(0));
        }
        self.attempts = 0;
    }
}
