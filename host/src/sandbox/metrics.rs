//! Counters and histograms that guests keep. Written without a lock on the hot path, read by whoever shows metrics.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;

/// Upper bounds of the buckets of every histogram; one more bucket takes what is larger.
pub const HISTOGRAM_BOUNDS: [f64; 19] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 1e3, 1e4, 1e6];

/// What a metric stands at.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// Sum of what was counted.
    Counter(u64),
    /// Samples observed.
    Histogram {
        /// Samples in each bucket of [`HISTOGRAM_BOUNDS`], then those above; not cumulative.
        buckets: Vec<u64>,
        /// Sum of the samples.
        sum: f64,
    },
}

/// All metrics that the guests of one node keep, whatever the task.
#[derive(Debug, Default)]
pub struct GuestMetrics(Mutex<BTreeMap<String, Metric>>);

#[derive(Clone, Debug)]
enum Metric {
    Counter(Arc<AtomicU64>),
    Histogram(Arc<Histogram>),
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; HISTOGRAM_BOUNDS.len() + 1],
    /// Bits of an f64.
    sum: AtomicU64,
}

impl GuestMetrics {
    /// All metrics by the guest's own names, in order.
    pub fn read(&self) -> Vec<(String, MetricValue)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, metric)| (name.clone(), metric.value())).collect()
    }

    /// The metric of this name, made where there is room for it.
    fn resolve(&self, name: &str, make: impl FnOnce() -> Metric) -> Option<Metric> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metric) = all.get(name) {
            return Some(metric.clone());
        }
        if all.len() >= limits::METRIC_NAMES {
            return None;
        }
        Some(all.entry(name.to_owned()).or_insert(make()).clone())
    }
}

impl Metric {
    fn value(&self) -> MetricValue {
        match self {
            Self::Counter(counter) => MetricValue::Counter(counter.load(Ordering::Relaxed)),
            Self::Histogram(histogram) => MetricValue::Histogram {
                buckets: histogram.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect(),
                sum: f64::from_bits(histogram.sum.load(Ordering::Relaxed)),
            },
        }
    }
}

impl Histogram {
    fn add(&self, value: f64) {
        let bucket = HISTOGRAM_BOUNDS.iter().position(|&bound| value <= bound).unwrap_or(HISTOGRAM_BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        // Never fails: the closure always gives a value.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| Some((f64::from_bits(bits) + value).to_bits()));
    }
}

/// What came of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It was counted.
    Yes,
    /// There are too many names already; said once for each.
    NoRoom,
    /// The name was refused before, or belongs to a metric of the other sort.
    Dropped,
}

/// One task's view of its node's metrics: names looked up once.
#[derive(Debug, Default)]
pub(super) struct NodeMetrics {
    known: HashMap<String, Metric>,
    told: bool,
}

impl NodeMetrics {
    pub(super) fn count(&mut self, all: &GuestMetrics, name: &str, by: u64) -> Kept {
        match self.metric(all, name, || Metric::Counter(Arc::default())) {
            Some(Metric::Counter(counter)) => {
                counter.fetch_add(by, Ordering::Relaxed);
                Kept::Yes
            }
            Some(Metric::Histogram(_)) => Kept::Dropped,
            None => self.refused(),
        }
    }

    pub(super) fn observe(&mut self, all: &GuestMetrics, name: &str, value: f64) -> Kept {
        match self.metric(all, name, || Metric::Histogram(Arc::default())) {
            Some(Metric::Histogram(histogram)) => {
                histogram.add(value);
                Kept::Yes
            }
            Some(Metric::Counter(_)) => Kept::Dropped,
            None => self.refused(),
        }
    }

    fn metric(&mut self, all: &GuestMetrics, name: &str, make: impl FnOnce() -> Metric) -> Option<&Metric> {
        if !self.known.contains_key(name) {
            let metric = all.resolve(name, make)?;
            self.known.insert(name.to_owned(), metric);
        }
        self.known.get(name)
    }

    fn refused(&mut self) -> Kept {
        if std::mem::replace(&mut self.told, true) { Kept::Dropped } else { Kept::NoRoom }
    }
}
