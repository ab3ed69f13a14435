//! What a guest may try with a record, and what the host has to say of it.

use crate::made_by_hand as made;

/// Where a guest comes from.
#[derive(Clone, Copy)]
pub(crate) enum Component {
    /// The probe, with this configuration.
    Probe(&'static str),
    /// One made by hand.
    Made(fn() -> Vec<u8>),
}

/// One harm, done to the second of three records.
pub(crate) struct Attack {
    /// Its nodes are named after it.
    pub(crate) name: &'static str,
    pub(crate) component: Component,
    /// Further keys of the processor.
    pub(crate) more: &'static str,
    /// The role of its store.
    pub(crate) store: Option<&'static str>,
    /// Value of the second record.
    pub(crate) value: &'static str,
    /// Kind of the failure.
    pub(crate) kind: &'static str,
    /// How its reason begins.
    pub(crate) reason: &'static str,
    /// It takes long: once is enough.
    pub(crate) heavy: bool,
}

const SHORT: &str = "limits = { deadline = \"100ms\" }";
/// Pathological work takes its time on a busy machine; the deadline has its own cases.
const PATIENT: &str = "limits = { deadline = \"60s\" }";

const fn probe(name: &'static str, config: &'static str, value: &'static str, kind: &'static str, reason: &'static str) -> Attack {
    Attack { name, component: Component::Probe(config), more: PATIENT, store: None, value, kind, reason, heavy: false }
}

const fn hand(name: &'static str, make: fn() -> Vec<u8>, reason: &'static str) -> Attack {
    Attack { name, component: Component::Made(make), more: PATIENT, store: None, value: "harm", kind: "trap", reason, heavy: false }
}

const GIVEN: &str = "more than 64 MiB given to the host at once";
const DEADLINE: &str = "deadline of 100 ms missed";
const WRITTEN: &str = "more than 256 MiB written to stores for one record";
const MEMORY: &str = "memory over the limit of 64 MiB";

/// Those that fail, each at its second record.
pub(crate) const FAILING: &[Attack] = &[
    Attack { more: SHORT, ..probe("loop", "{ do = \"loop\" }", "loop", "trap", DEADLINE) },
    Attack { more: SHORT, ..probe("sleep", "{ do = \"sleep\" }", "sleep", "trap", DEADLINE) },
    probe("deep", "{ do = \"recursion\" }", "deep", "trap", "stack overflow: the guest used up the stack in its memory"),
    hand("deeper", made::recursion, "stack overflow, the limit is 512 KiB"),
    probe("memory", "{ do = \"memory\" }", "grow", "trap", MEMORY),
    probe("pages", "{ do = \"memory\", by-page = true }", "grow", "trap", MEMORY),
    probe("trap", "{ do = \"trap\" }", "boom", "trap", "unreachable"),
    probe("panic", "{ do = \"panic\", nth = 2 }", "x", "trap", "panicked at 'tests/guests/probe/src/hostile.rs"),
    probe(
        "returned",
        "{ do = \"outputs\", count = 10001, bytes = 0 }",
        "flood",
        "bad-record",
        "10001 outputs returned by one call; the limit is 10000 (`forward` takes more)",
    ),
    probe("bytes", "{ do = \"outputs\", count = 20, bytes = 1048576 }", "flood", "bad-record", "16.1 MiB of outputs returned by one call"),
    Attack {
        heavy: true,
        ..probe(
            "forwarded",
            "{ do = \"outputs\", count = 1000001, bytes = 0, early = true }",
            "flood",
            "bad-record",
            "more than 1000000 outputs of one call (`limits.outputs`)",
        )
    },
    probe("headers", "{ do = \"headers\", count = 1001 }", "flood", "bad-record", "an output has 1001 headers; the limit is 1000"),
    Attack { heavy: true, kind: "bad-record", ..hand("empty-headers", made::empty_headers, "more than 256 MiB of outputs of one call") },
    Attack {
        heavy: true,
        ..probe(
            "large-key",
            "{ do = \"sizes\", key = 17825792 }",
            "large",
            "bad-record",
            "an output has 17.1 MiB; the limit of a record is 16 MiB",
        )
    },
    Attack {
        heavy: true,
        ..probe(
            "large-value",
            "{ do = \"sizes\", value = 17825792 }",
            "large",
            "bad-record",
            "an output has 17.1 MiB; the limit of a record is 16 MiB",
        )
    },
    Attack {
        heavy: true,
        ..probe(
            "large-header",
            "{ do = \"sizes\", header = 17825792 }",
            "large",
            "bad-record",
            "an output has 17.1 MiB; the limit of a record is 16 MiB",
        )
    },
    Attack {
        store: Some("rows"),
        ..probe("iterators", "{ do = \"iterators\", count = 65 }", "flood", "trap", "more than 64 iterators are open in one call")
    },
    Attack { store: Some("rows"), heavy: true, ..probe("deletes", "{ do = \"deletes\" }", "flood", "trap", WRITTEN) },
    Attack { heavy: true, ..hand("cells", made::cells, WRITTEN) },
    probe("no-such-port", "{ do = \"no-such-port\" }", "lost", "fatal", "output to the port 'nowhere', which this node does not declare"),
    probe("schedules", "{ do = \"schedules\", count = 1001, interval-ms = 1000 }", "flood", "trap", "more than 1000 schedules"),
    hand("always-due", made::schedule_without_interval, "the schedule 'tick' has an interval of 0 ms; the least is 1"),
    probe(
        "forger",
        "{ do = \"say\", text = \"spilt\\n2026-01-01T00:00:00Z ERROR the host is broken\\u001b[31m\\r\" }",
        "bad",
        "bad-record",
        "spilt 2026-01-01T00:00:00Z ERROR the host is broken\u{fffd}[31m",
    ),
    hand("no-text", made::port_that_is_no_text, "invalid utf-8"),
    hand("unknown-kind", made::unknown_kind_of_failure, "unexpected discriminant: 9"),
    hand("beyond-memory", made::outputs_beyond_memory, "list pointer/length out of bounds of memory"),
    hand("crooked", made::crooked_result, "return pointer not aligned"),
    hand("one-another", made::outputs_over_each_other, GIVEN),
    Attack { store: Some("s"), ..hand("invented", made::invented_handle, "unknown handle index 77") },
    Attack { store: Some("s"), ..hand("other-kind", made::handle_of_another_kind, "handle index 1 used with the wrong type") },
    Attack { store: Some("s"), ..hand("reader", made::write_to_what_it_reads, "write to the store 's', which was opened for reading") },
    hand("short-frame", made::short_frame, "the lengths of a frame do not add up to its bytes"),
    hand("nobodys-frame", made::frame_of_nobody, "an output of a frame has an origin that is not there, or not in order"),
    hand("endless-frame", made::frame_beyond_memory, "the lengths of a frame do not add up to its bytes"),
    hand("crowded-frame", made::frame_of_many, "a frame ends before its table does"),
    hand("headless-frame", made::headless_frame, "a frame ends before its table does"),
    hand("stray-frame", made::frame_out_of_place, "context.forward-frame belongs to `batch.process-frame`"),
    Attack { store: Some("s"), ..hand("short-blobs", made::short_blobs, "packed blobs end before their table does") },
    Attack { store: Some("s"), ..hand("many-blobs", made::many_blobs, "too many packed blobs in one call") },
    hand("files", made::files, "not granted: wasi:filesystem/preopens.remove-all"),
    hand("sockets", made::sockets, "not granted: wasi:sockets/tcp-create-socket.create-tcp-socket"),
];

/// Those whose records pass, all three, for what they try harms nobody, or is done beside the records. The name, the component, further keys.
pub(crate) const PASSING: &[(&str, Component, &str)] = &[
    ("log-flood", Component::Probe("{ do = \"logs\", lines = 1000, bytes = 8000 }"), ""),
    ("metric-flood", Component::Probe("{ do = \"metrics\", names = 2000 }"), ""),
    ("busy-schedules", Component::Probe("{ do = \"schedules\", count = 1000, interval-ms = 1 }"), ""),
    ("far-future", Component::Probe("{ do = \"stamp\", add = 9223372036854775800 }"), ""),
    ("table", Component::Made(made::table), ""),
    ("spy", Component::Made(made::spy), ""),
    (
        "late-loop",
        Component::Probe("{ do = \"punctuate-failing\", interval-ms = 1, how = \"loop\" }"),
        "limits = { deadline = \"50ms\" }\non-error = \"skip\"",
    ),
    ("late-panic", Component::Probe("{ do = \"punctuate-failing\", interval-ms = 1, how = \"panic\" }"), "on-error = \"skip\""),
    ("last-loop", Component::Probe("{ do = \"close\", how = \"loop\" }"), SHORT),
    ("last-panic", Component::Probe("{ do = \"close\", how = \"panic\" }"), ""),
];
