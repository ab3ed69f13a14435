//! Samples sorted into buckets, in plain integers.

/// A histogram that one thread owns: it counts here and publishes copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally<const N: usize> {
    /// Upper bounds of the buckets, inclusive, in the samples' own unit.
    pub bounds: &'static [u64; N],
    /// Samples in each bucket; not cumulative. Those above the last bound are in `count` alone.
    pub buckets: [u64; N],
    /// All samples.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl<const N: usize> Tally<N> {
    /// Without a sample.
    pub const fn new(bounds: &'static [u64; N]) -> Self {
        Self { bounds, buckets: [0; N], count: 0, sum: 0 }
    }

    /// One sample.
    pub fn add(&mut self, sample: u64) {
        self.put(sample, 1, sample);
    }

    /// So many samples, at least one, that were measured together: each counts as their mean.
    pub fn spread(&mut self, together: u64, samples: u64) {
        self.put(together / samples.max(1), samples, together);
    }

    fn put(&mut self, each: u64, samples: u64, together: u64) {
        if let Some(bucket) = self.bounds.iter().position(|&bound| each <= bound) {
            self.buckets[bucket] += samples;
        }
        self.count += samples;
        self.sum += together;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_measured_together_count_as_their_mean() {
        const BOUNDS: [u64; 2] = [10, 100];
        let mut tally = Tally::new(&BOUNDS);
        tally.add(10);
        tally.add(11);
        tally.add(101);
        tally.spread(90, 10);
        assert_eq!((tally.buckets, tally.count, tally.sum), ([11, 1], 13, 212));
    }
}
