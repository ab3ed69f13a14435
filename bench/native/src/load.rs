//! Fills a topic.

use std::ptr::null_mut;

use anyhow::Result;

use crate::Load;
use crate::client::{ANY, Client, Topic};

pub const VALUE_BYTES: usize = 100;
/// The byte of a value that tells whether `filter-map` lets it pass: 0 for one half, 1 for the other.
pub const HALF: usize = 15;
const POLL_EVERY: u64 = 1_000;

pub fn run(args: &Load) -> Result<()> {
    let client = Client::producer(&args.bootstrap)?;
    let topic = Topic::new(client, &args.topic)?;
    let (mut random, mut value) = (Random::new(), vec![b'x'; args.value_bytes]);
    for n in 0..args.records {
        let key = if args.in_turn { n } else { random.next() } % args.keys;
        write_value(&mut value, n, &mut random);
        topic.produce(ANY, &key.to_be_bytes(), &value, 0, null_mut())?;
        if n % POLL_EVERY == 0 {
            topic.poll();
        }
    }
    client.flush()
}

/// A number, the byte for `filter-map`, and what cannot be compressed. Of a length that 8 does not divide, the last bytes stay as they are.
pub fn write_value(value: &mut [u8], n: u64, random: &mut Random) {
    for word in value.chunks_exact_mut(8) {
        word.copy_from_slice(&random.next().to_be_bytes());
    }
    value[..8].copy_from_slice(&n.to_be_bytes());
    if let Some(half) = value.get_mut(HALF) {
        *half = u8::from(n % 2 == 1);
    }
}

/// xorshift64*: the same records in each run.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Self(0x0139_40f2_4eaf_1d5d)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
