//! Which partition a record goes to: what Kafka's default partitioner decides, so that a key has the same place on every log.

use crate::topology;

/// The partition of a key: `toPositive(murmur2(key)) % partitions`. An empty key is a key.
pub fn partition_of_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// The partition of a key that was spread so; `None`: nobody knows.
pub fn partition_by(by: topology::Partitioner, key: &[u8], partitions: u32) -> Option<u32> {
    match by {
        topology::Partitioner::Murmur2 => Some(partition_of_key(key, partitions)),
        // librdkafka's `consistent` partitioner.
        topology::Partitioner::Crc32 => Some(crc32fast::hash(key) % partitions.max(1)),
        topology::Partitioner::None => None,
    }
}

/// MurmurHash2 with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
pub fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    // Java's `length` is an int; a key is far below its limit (`limits::RECORD_BYTES`).
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let rest = tail.iter().rev().fold(0, |rest, &byte| (rest << 8) | u32::from(byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// Chooses partitions for one producer. All records without a key of one batch share a partition, the next batch takes the next one.
#[derive(Debug, Default)]
pub struct Partitioner {
    batch: u32,
    batch_has_keyless: bool,
}

impl Partitioner {
    /// For producer number `producer` of a host: several begin at different partitions.
    pub fn new(producer: u32) -> Self {
        Self { batch: producer, batch_has_keyless: false }
    }

    /// The partition of a record with this key.
    pub fn partition(&mut self, key: Option<&[u8]>, partitions: u32) -> u32 {
        let Some(key) = key else {
            self.batch_has_keyless = true;
            return self.batch % partitions.max(1);
        };
        partition_of_key(key, partitions)
    }

    /// The batch has been appended. Not called for one that was dropped: made again, its records go where they would have gone.
    pub fn batch_done(&mut self) {
        if std::mem::take(&mut self.batch_has_keyless) {
            self.batch = self.batch.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_is_kafkas() {
        // From UtilsTest.testMurmur2 of Apache Kafka.
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key).cast_signed(), hash, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign_bit_only() {
        assert_eq!(partition_of_key(b"21", 7), (-973_932_308_i32 & i32::MAX).cast_unsigned() % 7);
        assert_eq!(partition_of_key(b"21", 1), 0);
    }

    #[test]
    fn records_without_key_share_a_partition_within_a_batch_and_move_on_behind_it() {
        let mut partitioner = Partitioner::new(1);
        assert_eq!((partitioner.partition(None, 3), partitioner.partition(None, 3)), (1, 1));
        partitioner.batch_done();
        assert_eq!(partitioner.partition(None, 3), 2);
        partitioner.batch_done();
        partitioner.partition(Some(b"key"), 3);
        partitioner.batch_done();
        assert_eq!(partitioner.partition(None, 3), 0, "a batch with keys only moves nothing");
    }
}
