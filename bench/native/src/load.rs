//! Fills a topic.

use anyhow::Result;

use crate::Load;
use crate::client::{Client, Topic};

const VALUE_BYTES: usize = 100;
/// The byte of a value that tells whether `filter-map` lets it pass: 0 for one half, 1 for the other.
pub const HALF: usize = 15;
const POLL_EVERY: u64 = 1_000;

pub fn run(args: &Load) -> Result<()> {
    let client = Client::producer(&args.bootstrap)?;
    let topic = Topic::new(client, &args.topic)?;
    let mut random = Random(0x0139_40f2_4eaf_1d5d);
    for n in 0..args.records {
        let key = (random.next() % args.keys).to_be_bytes();
        topic.produce(-1, &key, &value(n, &mut random), 0, std::ptr::null_mut())?;
        if n % POLL_EVERY == 0 {
            topic.poll();
        }
    }
    client.flush()
}

/// A number, the byte for `filter-map`, and what cannot be compressed.
fn value(n: u64, random: &mut Random) -> [u8; VALUE_BYTES] {
    let mut value = [b'x'; VALUE_BYTES];
    for word in value.chunks_exact_mut(8) {
        word.copy_from_slice(&random.next().to_be_bytes());
    }
    value[..8].copy_from_slice(&n.to_be_bytes());
    value[HALF] = u8::from(n % 2 == 1);
    value
}

/// xorshift64*: the same records in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
