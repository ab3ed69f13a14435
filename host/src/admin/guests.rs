//! What guests measure, as metrics: `cofferdam_guest_<name>`, with `_total` behind the name of a counter.

use std::collections::BTreeMap;

use super::exposition::{Family, Histogram, Kind, Page, Value};
use crate::runtime::GuestReadings;
use crate::sandbox::{HISTOGRAM_BOUNDS, MetricValue};

/// Writes the metrics of all nodes, by name.
pub(super) fn write(page: &mut Page, app: &str, nodes: &[GuestReadings]) {
    let mut families: BTreeMap<String, Vec<(&str, &MetricValue)>> = BTreeMap::new();
    for node in nodes {
        for (name, value) in &node.metrics {
            families.entry(full_name(name, value)).or_default().push((&node.node, value));
        }
    }
    for (name, samples) in families {
        // A name has one kind. They can clash only when a histogram is called `x_total` and a counter `x`: the first node decides.
        let Some(kind) = samples.first().map(|(_, value)| kind(value)) else { continue };
        let help = "Measured by the guests of the node.";
        page.family(&Family { name: &name, kind, help });
        let mut written: Vec<&str> = Vec::new();
        for (node, value) in samples.into_iter().filter(|(_, value)| self::kind(value) == kind) {
            if !written.contains(&node) {
                page.sample(&name, &[("app", app), ("node", node)], &shown(value));
                written.push(node);
            }
        }
    }
}

fn full_name(name: &str, value: &MetricValue) -> String {
    match value {
        MetricValue::Counter(_) => format!("cofferdam_guest_{}_total", name.strip_suffix("_total").unwrap_or(name)),
        MetricValue::Histogram { .. } => format!("cofferdam_guest_{name}"),
    }
}

fn kind(value: &MetricValue) -> Kind {
    match value {
        MetricValue::Counter(_) => Kind::Counter,
        MetricValue::Histogram { .. } => Kind::Histogram,
    }
}

fn shown(value: &MetricValue) -> Value {
    match value {
        MetricValue::Counter(n) => Value::Number(*n as f64),
        MetricValue::Histogram { buckets, sum } => {
            let bounded = HISTOGRAM_BOUNDS.iter().copied().zip(buckets.iter().copied()).collect();
            Value::Histogram(Histogram { buckets: bounded, count: buckets.iter().sum(), sum: *sum })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_one_name_stand_together_whatever_their_nodes() {
        let mut buckets = vec![0; HISTOGRAM_BOUNDS.len() + 1];
        buckets[0] = 1;
        buckets[HISTOGRAM_BOUNDS.len()] = 2;
        let histogram = MetricValue::Histogram { buckets, sum: 4e6 };
        let counter = MetricValue::Counter(3);
        let metrics = |all: &[(&str, &MetricValue)]| all.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
        let nodes = [
            GuestReadings { node: "a".into(), metrics: metrics(&[("seen", &counter), ("size", &histogram)]) },
            // The last one is the first one again, and `seen_total` a name of the other kind.
            GuestReadings {
                node: "b".into(),
                metrics: metrics(&[("seen", &counter), ("seen_total", &histogram), ("size", &counter), ("size_total", &counter)]),
            },
        ];
        let mut page = Page::default();
        write(&mut page, "x", &nodes);
        let text = page.into_text();
        let shown: Vec<&str> = text.lines().filter(|l| !l.contains("_bucket") || l.contains("\"0.001\"") || l.contains("Inf")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
            # HELP cofferdam_guest_seen_total Measured by the guests of the node.
            # TYPE cofferdam_guest_seen_total counter
            cofferdam_guest_seen_total{app="x",node="a"} 3
            cofferdam_guest_seen_total{app="x",node="b"} 3
            # HELP cofferdam_guest_size Measured by the guests of the node.
            # TYPE cofferdam_guest_size histogram
            cofferdam_guest_size_bucket{app="x",node="a",le="0.001"} 1
            cofferdam_guest_size_bucket{app="x",node="a",le="+Inf"} 3
            cofferdam_guest_size_sum{app="x",node="a"} 4000000
            cofferdam_guest_size_count{app="x",node="a"} 3
            # HELP cofferdam_guest_size_total Measured by the guests of the node.
            # TYPE cofferdam_guest_size_total counter
            cofferdam_guest_size_total{app="x",node="b"} 3
        "#);
    }
}
