//! Random bits that a test can repeat.

/// SplitMix64: small, seedable, good enough for sampling and jitter; never for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// The generator that this seed gives.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
