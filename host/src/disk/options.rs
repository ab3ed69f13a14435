//! How a database is opened, and what that means for RocksDB.

use std::thread;

use rocksdb::{BlockBasedOptions, DBCompressionType, DBRecoveryMode, LogLevel, WriteOptions};

use super::Budget;
use crate::limits;

/// When writes are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A write-ahead log: a write with `Sync::Yes` is durable when it returns.
    Logged,
    /// No log: what was written before a `flush` is durable when that returns. All families are flushed at one and the same point.
    Flushed,
}

/// What a family is mostly asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Single keys: small blocks, and filters that tell at once that a key is not there; they take 128 KiB for each family.
    Points,
    /// Ranges: larger blocks, no filters.
    Ranges,
}

/// A family of a database: an ordered map of its own, written in the same batches as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilySpec<'a> {
    /// Its name; without NUL.
    pub name: &'a str,
    /// What it is mostly asked for.
    pub access: Access,
}

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The families that have to be there.
    pub families: &'a [FamilySpec<'a>],
    /// When writes are durable.
    pub durability: Durability,
    /// Memory that it shares with others.
    pub budget: &'a Budget,
    /// Whether a folder without a database gets one; else that is an error.
    pub create_if_missing: bool,
}

/// Bits of a Bloom filter for each key: about one in a hundred absent keys is looked for in vain.
const FILTER_BITS: f64 = 10.0;
/// Share of a write buffer that filters it, so that a read of an older row passes it by. 128 KiB, which are taken at once.
const MEMTABLE_FILTER: f64 = 1.0 / 256.0;
/// Grain in which unflushed writes take memory; RocksDB's own (1 MiB for each family) is much for a small task.
const ARENA_BLOCK_BYTES: usize = 128 << 10;

/// Tables of the first level before writes are held up: more than there will be.
const NO_LIMIT: i32 = 1 << 30;

/// Settings of the whole database.
pub(super) fn database(options: &Options<'_>) -> rocksdb::Options {
    let mut to = rocksdb::Options::default();
    to.create_if_missing(options.create_if_missing);
    to.create_missing_column_families(true);
    to.set_write_buffer_manager(&options.budget.write_buffers);
    to.set_max_background_jobs(background_jobs());
    match options.durability {
        Durability::Flushed => {
            to.set_atomic_flush(true);
            // All tables stay open: a look into the cache of open ones costs a third of a read.
            to.set_max_open_files(-1);
        }
        Durability::Logged => {
            // A log grows without end, and a process may have only so many files open.
            to.set_max_open_files(256);
            // What was acknowledged is never rolled back in silence: a log that is broken before its end refuses to open.
            to.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
            to.set_max_total_wal_size(limits::WRITE_AHEAD_LOG_BYTES);
        }
    }
    // RocksDB's diary: warnings only, two files at most, no statistics.
    to.set_log_level(LogLevel::Warn);
    to.set_keep_log_file_num(2);
    to.set_max_log_file_size(1 << 20);
    to.set_stats_dump_period_sec(0);
    to.set_stats_persist_period_sec(0);
    to
}

/// Settings of one family.
pub(super) fn family(budget: &Budget, access: Access) -> rocksdb::Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&budget.cache);
    match access {
        Access::Points => {
            table.set_block_size(4 << 10);
            table.set_bloom_filter(FILTER_BITS, false);
        }
        Access::Ranges => table.set_block_size(32 << 10),
    }
    let mut to = rocksdb::Options::default();
    to.set_block_based_table_factory(&table);
    to.set_compression_type(DBCompressionType::Lz4);
    to.set_write_buffer_size(limits::FAMILY_WRITE_BUFFER_BYTES);
    if access == Access::Points {
        to.set_memtable_whole_key_filtering(true);
        to.set_memtable_prefix_bloom_ratio(MEMTABLE_FILTER);
    }
    to.set_arena_block_size(ARENA_BLOCK_BYTES);
    // Whoever writes never waits for compactions: on a stream thread other tasks would wait, too.
    to.set_level_zero_slowdown_writes_trigger(NO_LIMIT);
    to.set_level_zero_stop_writes_trigger(NO_LIMIT);
    to
}

/// Settings of a table that is made outside of a database. Whatever compacts it compresses it.
pub(super) fn table(budget: &Budget, access: Access) -> rocksdb::Options {
    let mut to = family(budget, access);
    to.set_compression_type(DBCompressionType::None);
    to
}

/// Settings of a write that need not wait for the disk, and of one that has to.
pub(super) fn writes(durability: Durability) -> (WriteOptions, WriteOptions) {
    let (mut lazy, mut synced) = (WriteOptions::default(), WriteOptions::default());
    match durability {
        Durability::Logged => synced.set_sync(true),
        Durability::Flushed => {
            lazy.disable_wal(true);
            synced.disable_wal(true);
        }
    }
    (lazy, synced)
}

/// Threads for flushes and compactions, shared by all databases of the process.
fn background_jobs() -> i32 {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    i32::try_from(cores / 2).unwrap_or(8).clamp(2, 8)
}
