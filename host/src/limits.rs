//! Every limit of the host, by name. Nothing else states one.

use std::time::Duration;

/// Memory of one guest instance, unless `limits.memory` says otherwise.
pub const GUEST_MEMORY_BYTES: usize = 64 << 20;
/// Most that `limits.memory` may ask for.
pub const GUEST_MEMORY_CEILING_BYTES: usize = 1 << 30;
/// Longest call of a guest, unless `limits.deadline` says otherwise.
pub const CALL_DEADLINE: Duration = Duration::from_secs(1);
/// Longest `init` of a guest.
pub const INIT_DEADLINE: Duration = Duration::from_secs(10);
/// Stack of a guest.
pub const WASM_STACK_BYTES: usize = 512 << 10;
/// How often the clock that stops overdue calls ticks.
pub const DEADLINE_TICK: Duration = Duration::from_millis(10);
/// Keys of a topic that are looked at to see how they were spread.
pub const PARTITIONER_KEYS: usize = 1_000;
/// Guest instances alive in one host at a time.
pub const INSTANCES: u32 = 4_000;
/// Core instances, tables and memories that the host keeps room for, for each guest instance on average.
pub const CORE_INSTANCES_PER_INSTANCE: u32 = 8;
/// Core instances of one component: Python's needs some dozens.
pub const CORE_INSTANCES_PER_COMPONENT: u32 = 256;
/// Memories of one component: one, and those of adapters.
pub const MEMORIES_PER_COMPONENT: u32 = 8;
/// Elements of one function table of a guest.
pub const TABLE_ELEMENTS: usize = 20_000;
/// Compiled code of components that is kept on disk for the next start; beyond it, what was not used for longest goes.
pub const COMPILED_CODE_BYTES: u64 = 1 << 30;
/// Handles of stores, iterators and streams that an instance may hold; those that it loses count until the instance is dropped.
pub const HANDLES: usize = 10_000;
/// Bytes that one call between guest and host may copy out of the guest.
pub const HOST_CALL_BYTES: usize = 64 << 20;
/// An instance that has grown, since its `init`, by more than this part of its memory limit is dropped at the next commit: one in so many.
pub const HIGH_WATER_DIVISOR: usize = 2;
/// Random bytes that a guest may ask for at a time.
pub const RANDOM_BYTES: u64 = 64 << 10;
/// Outputs that one call may return for each record.
pub const OUTPUTS_RETURNED: usize = 10_000;
/// Bytes of the outputs that one call may return for each record.
pub const OUTPUT_BYTES_RETURNED: usize = 16 << 20;
/// Outputs of one call, those handed over by `forward` included, unless `limits.outputs` says otherwise.
pub const OUTPUTS_FORWARDED: usize = 1_000_000;
/// Bytes of the outputs of one call, those handed over by `forward` included.
pub const OUTPUT_BYTES_FORWARDED: usize = 256 << 20;
/// Records that the walk of one record may send to sinks: calls multiply along the topology.
pub const WALK_OUTPUTS: usize = 2_000_000;
/// Bytes of the records that the walk of one record may send to sinks.
pub const WALK_OUTPUT_BYTES: usize = 512 << 20;
/// Bytes of the rows and cells that all calls for one record may write.
pub const WRITTEN_BYTES: usize = 256 << 20;
/// Bytes that a written row counts beside its key and value: what it takes up until the commit, in a map, in the undo log, in the changelog.
pub const ROW_BYTES: usize = 256;
/// Bytes that a header counts beside its name and value: what it takes up in memory.
pub const HEADER_BYTES: usize = 64;
/// Time that all calls for one record may take together; each counts as [`CALL_DEADLINE`] at most, whatever its own deadline is.
pub const WALK_TIME: Duration = Duration::from_secs(60);
/// Time that the calls of a task take before its thread looks at the other tasks and at the clock.
pub const TURN_TIME: Duration = Duration::from_millis(100);
/// Size of a record: key, value and headers.
pub const RECORD_BYTES: usize = 16 << 20;
/// Headers of a record.
pub const RECORD_HEADERS: usize = 1_000;
/// Iterators that a call may hold open.
pub const ITERATORS: usize = 64;
/// Rows that an iterator hands out in one chunk, whatever the guest asks for.
pub const ITERATOR_CHUNK_ROWS: usize = 4_096;
/// Bytes of rows after which an iterator ends its chunk, whatever the guest asks for.
pub const ITERATOR_CHUNK_BYTES: usize = 1 << 20;
/// Rows that one read of a store brings into memory before their size is looked at.
pub const ROWS_READ_AT_ONCE: usize = 64;
/// Blobs of one packed store call.
pub const PACKED_BLOBS: usize = 100_000;
/// Bytes of a name that a guest makes up: of a cell, a schedule, a metric.
pub const GUEST_NAME_BYTES: usize = 255;
/// Size of a cell.
pub const CELL_BYTES: usize = 4 << 10;
/// Schedules that a node may have.
pub const SCHEDULES: usize = 1_000;
/// Log lines of a node in one second; the rest is counted and reported as suppressed.
pub const LOG_LINES_PER_SECOND: u32 = 100;
/// Lines about failed records of a task in one second; the rest is counted. The line about a record that parks the task is not among them.
pub const FAILURE_LINES_PER_SECOND: u32 = 100;
/// Bytes of one log line of a guest; the rest is cut.
pub const LOG_LINE_BYTES: usize = 4 << 10;
/// Bytes of a text that a guest gives as the reason of a failure, or as its description; the rest is cut.
pub const REASON_BYTES: usize = 4 << 10;
/// Bytes of a frame of a guest's stack that an error shows; the rest is cut.
pub const FRAME_BYTES: usize = 256;
/// Roles, ports and stores, of each so many, that a component may describe.
pub const DESCRIBED: usize = 1_000;
/// Bytes of the schema that a component gives of its config.
pub const CONFIG_SCHEMA_BYTES: usize = 1 << 20;
/// Frames of a guest's stack that an error shows.
pub const FRAMES_SHOWN: usize = 30;
/// Metric names of a node.
pub const METRIC_NAMES: usize = 100;
/// Bytes of a key that an error message shows.
pub const KEY_BYTES_SHOWN: usize = 64;
/// Shortest time between two commits of a thread that has run dry, on a cluster.
pub const COMMIT_FLOOR: Duration = Duration::from_millis(5);
/// The same on the embedded log, where a commit is one sync and takes as long as that: a tick of the clock.
pub const COMMIT_FLOOR_EMBEDDED: Duration = Duration::from_millis(1);
/// Longest time between two commits under load, unless `commit-interval` says otherwise.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(100);
/// Shortest time between two times that the group of an at-least-once app is told what was committed: what is processed again after a crash.
pub const OFFSETS_INTERVAL: Duration = Duration::from_millis(100);
/// Records of one frame.
pub const FRAME_RECORDS: usize = 4_096;
/// Bytes of the records of one frame, of which the last one goes beyond.
pub const FRAME_RECORD_BYTES: usize = 1 << 20;
/// Records that go one at a time where frames had to be undone again and again, before a frame is tried again.
pub const SINGLE_RECORDS: usize = 100_000;
/// Records that a task takes before its thread looks at the others; one look beyond it. And the most that go together.
pub const RECORDS_PER_TURN: usize = 1_000;
/// Records that wait in memory for each partition.
pub const RECORDS_BUFFERED_PER_PARTITION: usize = 2_000;
/// Bytes of records that wait in memory for each partition; one take beyond it.
pub const BYTES_BUFFERED_PER_PARTITION: usize = 8 << 20;
/// Bytes of records after which one read of a partition of the embedded log ends; one record beyond it.
pub const TAKE_BYTES: usize = 4 << 20;
/// Outputs of one transaction that make its thread commit early.
pub const TRANSACTION_RECORDS: usize = 50_000;
/// Bytes of the outputs of one transaction that make its thread commit early.
pub const TRANSACTION_BYTES: usize = 64 << 20;
/// Records that a task takes before its thread looks at the clock, and at what they gave; where records go together, one frame beyond it.
pub const RECORDS_PER_LOOK: usize = 256;
/// Processed records of a repartition partition that make its thread delete them from the log.
pub const PURGE_RECORDS: u64 = 10_000;
/// How long processed records of a repartition partition stay in the log when they are fewer.
pub const PURGE_INTERVAL: Duration = Duration::from_secs(30);
/// Rows of a key-value store that one commit deletes because their time is over; the rest waits for the next one.
pub const EXPIRED_AT_ONCE: usize = 10_000;
/// Segments in which a versioned store may keep its history: each may have to be looked into.
pub const VERSIONED_SEGMENTS: u32 = 10_000;
/// Changelog records that a task leaves unflushed.
pub const UNFLUSHED_CHANGELOG_RECORDS: u64 = 500_000;
/// A flush of so many changelog records stands in the log; one of fewer saves a restart hardly anything.
pub const FLUSH_TOLD_RECORDS: u64 = 1_000;
/// Bytes of changelog records that a task leaves unflushed.
pub const UNFLUSHED_BYTES: u64 = 32 << 20;
/// Longest time that a task leaves changelog records unflushed.
pub const UNFLUSHED_FOR: Duration = Duration::from_secs(30);
/// Changelog offsets from which on a restore fills its stores: below, opening a database twice more takes longer than it saves.
pub const FILL_RECORDS: u64 = 200_000;
/// Rows that a large restore gathers before it sorts them, in bytes.
pub const RESTORE_RUN_BYTES: usize = 32 << 20;
/// The same for a store in memory that has many already, half as much as it has at the most. Longer runs cost less for each row, and hold up the
/// other tasks of the thread for longer: this one for some 200 ms.
pub const RESTORE_RUN_CEILING_BYTES: usize = 128 << 20;
/// Runs of one store that are made to tables at a time: one is sorted while the one before it reaches the disk.
pub const RESTORE_TABLES: usize = 2;
/// How often the line about a restore that lasts is repeated.
pub const RESTORE_REMINDER: Duration = Duration::from_secs(10);
/// How long a restore gets nothing of what stands in the log before it says so.
pub const RESTORE_STANDSTILL: Duration = Duration::from_secs(30);
/// Memory of the state of all tasks of a host, stores in memory aside, unless `runtime.memory` says otherwise.
pub const STATE_MEMORY_BYTES: usize = 256 << 20;
/// Least that `runtime.memory` may say.
pub const STATE_MEMORY_FLOOR_BYTES: usize = 16 << 20;
/// Most that `runtime.memory` may say.
pub const STATE_MEMORY_CEILING_BYTES: usize = 1 << 40;
/// The share of the running transactions in the memory of the state, one in so many: all threads' writes to stores that are not committed. The
/// rest belongs to databases: rows in front of them, cached blocks and unflushed writes.
pub const OVERLAYS_DIVISOR: usize = 4;
/// The share of rows in front of databases in the memory of the state, one in so many: those that were read, and committed writes that wait for a
/// flush.
pub const ROWS_DIVISOR: usize = 4;
/// The share of unflushed writes in the memory of the state, one in so many; beyond it databases flush of themselves.
pub const WRITE_BUFFERS_DIVISOR: usize = 4;
/// Unflushed writes of one family of a database; beyond it the database flushes of itself.
pub const FAMILY_WRITE_BUFFER_BYTES: usize = 32 << 20;
/// Write-ahead log of a database that a start may have to replay.
pub const WRITE_AHEAD_LOG_BYTES: u64 = 64 << 20;
/// Bytes of a component that one record of a deployment holds: below what a topic takes unless it says otherwise (1 MiB, header included).
pub const DEPLOYMENT_CHUNK_BYTES: usize = 512 << 10;
/// Deployments whose components are kept, the last one included.
pub const DEPLOYMENTS_KEPT: u64 = 3;
/// How long a swap waits for every stream thread: to try the new version, and again to take it over.
pub const SWAP_PATIENCE: Duration = Duration::from_secs(30);
/// Records that a version on trial is given before traps and missed deadlines count.
pub const TRIAL_TRAPS_AFTER: u64 = 100;
/// Records that a version on trial is given before other failures, and its speed, count.
pub const TRIAL_BAD_AFTER: u64 = 1_000;
/// Share of the records by which a version on trial may fail more often than the one before it.
pub const TRIAL_BAD_SHARE: f64 = 0.01;
/// Records after which a version is on trial no longer.
pub const TRIAL_RECORDS: u64 = 10_000;
/// How often the line about a parked task is repeated.
pub const PARKED_REMINDER: Duration = Duration::from_secs(60);
/// How long a call lasts, or a task finds nothing to take, before its status says so.
pub const DELAY_SHOWN: Duration = Duration::from_secs(1);
/// How long a stream thread may go without a step or a call before the host is called dead; a call has its deadline besides.
pub const STEP_OVERDUE: Duration = Duration::from_secs(60);
/// Connections that the public port serves at a time; others wait.
pub const PUBLIC_CONNECTIONS: usize = 64;
/// How long a connection to the public port may live; whoever wants more connects again.
pub const PUBLIC_CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// Rows of a store that one answer to a query holds; the rest comes with the next one.
pub const QUERY_ROWS: usize = 1_000;
/// Bytes of rows after which an answer to a query ends.
pub const QUERY_BYTES: usize = 1 << 20;
/// Bytes of rows that each of many tasks may give to one answer at least, before its page ends.
pub const QUERY_TASK_BYTES: usize = 16 << 10;
/// Rows that one read for a query may pass over, since they are of other times: the stream stands still meanwhile.
pub const QUERY_ROWS_PASSED: usize = 100_000;
/// Reads of tasks' stores for queries that a stream thread makes in one step.
pub const QUERIES_PER_STEP: usize = 16;
/// How long a query waits for the stream threads.
pub const QUERY_PATIENCE: Duration = Duration::from_secs(10);
/// Queries of one host that are under way to others at a time; it says to more of them that it cannot now. Fewer than [`PUBLIC_CONNECTIONS`]: hosts
/// that ask each other have room for the answers.
pub const FORWARDS: usize = 32;
/// Hosts that one query asks at a time.
pub const HOSTS_ASKED_AT_ONCE: usize = 8;
/// How long one host waits for another's answer: longer than that one waits for its stream threads.
pub const FORWARD_PATIENCE: Duration = Duration::from_secs(15);
/// How long a host tries to reach another one.
pub const FORWARD_CONNECT: Duration = Duration::from_secs(2);
/// Bytes of another host's answer: a page of rows, the last of which may be as large as a record is, in base64.
pub const FORWARDED_BYTES: usize = 64 << 20;
/// How long a host holds for true what the group has said of its members.
pub const MEMBERS_HOLD: Duration = Duration::from_secs(1);
/// How long a query waits for the group to tell its members.
pub const MEMBERS_PATIENCE: Duration = Duration::from_secs(5);
/// How long a host waits for members of its group that run another graph: longer than the session of one that has gone without a word.
pub const AGREEMENT_PATIENCE: Duration = Duration::from_secs(20);
/// Between two commits of what a thread notes down for others: a cluster keeps it for days.
pub const NOTE_INTERVAL: Duration = Duration::from_secs(3_600);
/// Body of one request to the control socket.
pub const CONTROL_BODY_BYTES: usize = 64 << 20;
/// How long the end of a host waits for answers of the control socket that are under way.
pub const CONTROL_SHUTDOWN: Duration = Duration::from_secs(2);
/// Bytes of the embedded log that one step of cleaning reads.
pub const MAINTENANCE_STEP_BYTES: usize = 32 << 20;
/// Bytes of the name of a node or store in a manifest.
pub const NAME_BYTES: usize = 100;
/// Bytes of `app.id`.
pub const APP_ID_BYTES: usize = 100;
/// Bytes of a topic's name: Kafka's own limit.
pub const TOPIC_NAME_BYTES: usize = 249;
/// Least memory that `limits.memory` may give a guest: one page of WebAssembly.
pub const GUEST_MEMORY_FLOOR_BYTES: usize = 64 << 10;
/// Longest call that `limits.deadline` may allow.
pub const CALL_DEADLINE_CEILING: Duration = Duration::from_secs(600);
/// Size of a manifest.
pub const MANIFEST_BYTES: u64 = 1 << 20;
/// Size of a component's file.
pub const COMPONENT_BYTES: u64 = 256 << 20;
/// Partitions of one topic.
pub const PARTITIONS: u32 = 10_000;
/// Stream threads that a manifest may ask for.
pub const THREADS: u32 = 1_024;
/// How often a `transient` failure is tried again, unless `retry.max` says otherwise.
pub const RETRIES: u32 = 3;
/// How long a task sleeps before it tries again, unless `retry.backoff` says otherwise.
pub const RETRY_BACKOFF: Duration = Duration::from_millis(100);
/// Bytes of a chunk of records on the embedded log; a larger record has a chunk of its own.
pub const CHUNK_BYTES: usize = 64 << 10;
/// Bytes that a reader of the embedded log fetches ahead for each partition.
pub const READ_AHEAD_BYTES: usize = 256 << 10;
/// New records that make a compaction of a partition worth while; it also takes as many as there are compacted ones.
pub const COMPACTION_NEW_RECORDS: u64 = 1_000;
/// Bytes of keys that a compaction holds in memory; where there are more it goes on in another round.
pub const COMPACTION_INDEX_BYTES: usize = 32 << 20;
/// How long a compacted topic keeps tombstones, so that whoever lags behind hears of them.
pub const TOMBSTONE_KEPT: Duration = Duration::from_secs(86_400);
/// Blocks of the embedded log's database that are kept in memory.
pub const LOG_CACHE_BYTES: usize = 8 << 20;
/// Unflushed writes of the embedded log's database that are held in memory.
pub const LOG_WRITE_BUFFERS_BYTES: usize = 64 << 20;
