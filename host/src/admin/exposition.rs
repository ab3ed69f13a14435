//! Prometheus' text format (version 0.0.4), written line by line. It knows names, labels and numbers, and nothing of what they mean.

use std::fmt::{self, Write as _};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, until its owner begins anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Samples in buckets, with their sum.
    Histogram,
}

/// One metric, whoever it is measured of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family<'f> {
    /// All of its name.
    pub name: &'f str,
    /// What it is.
    pub kind: Kind,
    /// One line about it.
    pub help: &'f str,
}

/// A histogram as the format wants it, units included.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Upper bound of each bucket, and the samples in that bucket alone.
    pub buckets: Vec<(f64, u64)>,
    /// All samples, those above the last bound included.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// What a metric stands at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// A label and its value.
pub(super) type Label<'l> = (&'l str, &'l str);

/// A page of metrics.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// Begins a metric; its samples follow. It is told even when there are none: a name that is there can be looked for.
    pub(super) fn family(&mut self, family: &Family<'_>) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {} {help}\n# TYPE {} {kind}", family.name, family.name));
    }

    /// A sample of the metric that was begun last. Labels without a value are left out.
    pub(super) fn sample(&mut self, name: &str, labels: &[Label<'_>], value: &Value) {
        match value {
            Value::Number(number) => self.number(name, labels, None, *number),
            Value::Histogram(histogram) => self.histogram(name, labels, histogram),
        }
    }

    fn histogram(&mut self, name: &str, labels: &[Label<'_>], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut up_to = 0;
        for (bound, samples) in &histogram.buckets {
            up_to += samples;
            self.number(&bucket, labels, Some(("le", &bound.to_string())), up_to as f64);
        }
        self.number(&bucket, labels, Some(("le", "+Inf")), histogram.count as f64);
        self.number(&format!("{name}_sum"), labels, None, histogram.sum);
        self.number(&format!("{name}_count"), labels, None, histogram.count as f64);
    }

    fn number(&mut self, name: &str, labels: &[Label<'_>], last: Option<Label<'_>>, value: f64) {
        let shown: Vec<String> = labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .chain(last.as_ref())
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let value = Shown(value);
        match shown.is_empty() {
            true => self.line(format_args!("{name} {value}")),
            false => self.line(format_args!("{name}{{{}}} {value}", shown.join(","))),
        }
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // A `String` takes everything.
        let _ = writeln!(self.0, "{line}");
    }
}

/// A number in the format's own spelling.
struct Shown(f64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n.is_nan() => f.write_str("NaN"),
            n if n.is_infinite() => f.write_str(if n > 0.0 { "+Inf" } else { "-Inf" }),
            n => n.fmt(f),
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.family(&Family { name: "a_total", kind: Kind::Counter, help: "Two\nlines, one \\." });
        page.sample("a_total", &[("app", "x"), ("node", "")], &Value::Number(3.0));
        page.sample("a_total", &[], &Value::Number(1e15));
        page.family(&Family { name: "empty", kind: Kind::Gauge, help: "Nobody has one." });
        page.family(&Family { name: "g", kind: Kind::Gauge, help: "Odd ones." });
        page.sample("g", &[("l", "a \"b\" \\ c\nd")], &Value::Number(-0.25));
        page.sample("g", &[], &Value::Number(f64::NAN));
        page.sample("g", &[], &Value::Number(f64::NEG_INFINITY));
        page.family(&Family { name: "h_seconds", kind: Kind::Histogram, help: "Buckets add up." });
        let buckets = vec![(0.000_005, 2), (0.5, 0), (1.0, 1)];
        page.sample("h_seconds", &[("app", "x")], &Value::Histogram(Histogram { buckets, count: 4, sum: 7.5 }));
        insta::assert_snapshot!(page.into_text(), @r#"
            # HELP a_total Two\nlines, one \\.
            # TYPE a_total counter
            a_total{app="x"} 3
            a_total 1000000000000000
            # HELP empty Nobody has one.
            # TYPE empty gauge
            # HELP g Odd ones.
            # TYPE g gauge
            g{l="a \"b\" \\ c\nd"} -0.25
            g NaN
            g -Inf
            # HELP h_seconds Buckets add up.
            # TYPE h_seconds histogram
            h_seconds_bucket{app="x",le="0.000005"} 2
            h_seconds_bucket{app="x",le="0.5"} 2
            h_seconds_bucket{app="x",le="1"} 3
            h_seconds_bucket{app="x",le="+Inf"} 4
            h_seconds_sum{app="x"} 7.5
            h_seconds_count{app="x"} 4
        "#);
    }
}
