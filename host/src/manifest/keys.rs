//! The keys of each table of a manifest: what is known, and what is known to come later. The JSON Schema is tested against these lists.

/// The keys of one table.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its name under `$defs` of the JSON Schema.
    #[cfg_attr(not(test), allow(dead_code, reason = "the schema's test reads it"))]
    pub schema: &'static str,
    /// Known keys.
    pub keys: &'static [&'static str],
    /// Keys that stand in the design but not in this version, each with what there is instead.
    pub later: &'static [(&'static str, &'static str)],
}

pub(super) const ROOT: Shape = Shape {
    schema: "manifest",
    keys: &["app", "broker", "runtime", "admin", "topics", "sources", "tables", "processors", "stores", "sinks"],
    later: &[("global-tables", "use [tables.*], whose store can be read by the other nodes of its sub-topology")],
};
/// Those that a host's own file may have.
pub(super) const HOST: Shape = Shape { schema: "manifest", keys: &["broker", "runtime", "admin"], later: &[] };
pub(super) const APP: Shape = Shape { schema: "app", keys: &["id", "guarantee"], later: &[] };
pub(super) const BROKER: Shape = Shape { schema: "broker", keys: &["kind", "bootstrap", "client"], later: &[] };
pub(super) const RUNTIME: Shape =
    Shape { schema: "runtime", keys: &["threads", "state-dir", "instance-id", "commit-interval", "max-task-idle", "memory"], later: &[] };
pub(super) const ADMIN: Shape =
    Shape { schema: "admin", keys: &["public", "listen", "advertise", "tls-cert", "tls-key", "peer-token", "peer-ca"], later: &[] };
pub(super) const TOPIC: Shape =
    Shape { schema: "topic", keys: &["partitions", "cleanup", "retention", "replication", "partitioner"], later: &[] };
pub(super) const SOURCE: Shape = Shape { schema: "source", keys: &["topic", "topics", "start", "timestamp", "on-error"], later: &[] };
pub(super) const TABLE: Shape = Shape { schema: "table", keys: &["topic", "timestamp", "on-error", "changelog", "backend"], later: &[] };
pub(super) const PROCESSOR: Shape = Shape {
    schema: "processor",
    keys: &["component", "digest", "from", "inputs", "stores", "config", "on-error", "limits", "allow"],
    later: &[],
};
pub(super) const STORE: Shape = Shape {
    schema: "store",
    keys: &["kind", "backend", "window", "retention", "duplicates", "history", "segment-interval", "ttl"],
    later: &[],
};
pub(super) const SINK: Shape = Shape { schema: "sink", keys: &["topic", "from", "on-error"], later: &[] };
pub(super) const TIMESTAMP: Shape = Shape { schema: "timestamp", keys: &["field", "format", "zone"], later: &[] };
pub(super) const ON_ERROR: Shape = Shape { schema: "on-error", keys: &["policy", "topic", "retry"], later: &[] };
pub(super) const RETRY: Shape = Shape { schema: "retry", keys: &["max", "backoff"], later: &[] };
pub(super) const EDGE: Shape = Shape { schema: "edge", keys: &["from", "repartition"], later: &[] };
pub(super) const GRANT: Shape = Shape { schema: "grant", keys: &["store", "access"], later: &[] };
pub(super) const LIMITS: Shape = Shape { schema: "limits", keys: &["memory", "deadline", "outputs"], later: &[] };

/// All of them.
#[cfg(test)]
pub(super) const ALL: &[&Shape] = &[
    &ROOT, &APP, &BROKER, &RUNTIME, &ADMIN, &TOPIC, &SOURCE, &TABLE, &PROCESSOR, &STORE, &SINK, &TIMESTAMP, &ON_ERROR, &RETRY, &EDGE,
    &GRANT, &LIMITS,
];
