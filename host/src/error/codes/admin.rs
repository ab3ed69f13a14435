//! What can go wrong between the admin API and those who ask it.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "R120",
        title: "There is no such store",
        text: "A query names a store as the manifest does: [stores.NAME], or a table.",
        example: "cofferdam query app.toml counts",
    },
    Code {
        code: "R121",
        title: "A store has no row of a key",
        text: "What is committed has none. The key is compared byte for byte, as processors write it; those that are no text are given in \
               base64. Rows that have expired are not shown.",
        example: "cofferdam query app.toml counts --prefix th",
    },
    Code {
        code: "R122",
        title: "A task is not on this host",
        text: "Each task of an app is on one of its hosts, and with it its part of every store. The key that was asked for, or the partition, \
               belongs to a task that another host has, or nobody at the moment. Hosts that have a port for the admin API ask each other; the hint says \
               why this task could not be asked for.",
        example: "[admin]\nlisten = \"127.0.0.1:9500\"     # at every host",
    },
    Code {
        code: "R123",
        title: "A store cannot be read now",
        text: "Its task is just being restored or could not start, or its stream thread is in a call that lasts. `status` tells which.",
        example: "cofferdam status app.toml",
    },
    Code {
        code: "R124",
        title: "A store could not be read",
        text: "The disk or the database of the task failed; the cause says how. The task meets the same failure when it uses the store.",
        example: "",
    },
    Code {
        code: "R125",
        title: "A query that a store cannot answer",
        text: "One key, a range of keys and a prefix exclude each other. Times belong to window, session and versioned stores, `as-of` to \
               versioned ones, which are asked for one key at a time.",
        example: "cofferdam query app.toml counts --from a --to b\ncofferdam query app.toml hourly key --since 2026-01-31T18:00:00Z",
    },
    Code {
        code: "R126",
        title: "A query passes over too many rows",
        text: "A stream thread reads the store between two records, so it looks at a bounded number of rows for each answer. A range of keys in which \
               hardly any row has the times that were asked for is beyond that.",
        example: "cofferdam query app.toml hourly --since 2026-01-31T18:00:00Z",
    },
    Code {
        code: "R130",
        title: "A request that cannot be understood",
        text: "The admin API was given a body or a query that is not what its path takes; the cause says where it breaks. The document at \
               /openapi.json says what each path takes.",
        example: "",
    },
    Code {
        code: "R131",
        title: "There is no such path",
        text: "The admin API has no such path, or not with this method. The document at /openapi.json lists them.",
        example: "",
    },
    Code {
        code: "R132",
        title: "A request needs the token",
        text: "Over TCP everything but a GET, and with TLS a GET as well, needs the token that the host has written into STATE-DIR/token, which its owner alone may \
               read. Commands of the same machine use the control socket and need none.",
        example: "curl -X POST -H \"Authorization: Bearer $(cat .cofferdam/token)\" http://127.0.0.1:9500/processors/count/rollback",
    },
    Code {
        code: "R133",
        title: "A request under a foreign name",
        text: "On a loopback address the admin API answers requests to `localhost`, 127.0.0.1 or [::1] only. A page in a browser could else reach \
               it under a name of its own that leads to this machine (DNS rebinding).",
        example: "",
    },
    Code {
        code: "R134",
        title: "The port of the admin API cannot be opened",
        text: "`listen` of [admin], or --listen, is an address of this machine and a free port. Another process may have it, such as a second host. An \
               address that other machines can reach needs `tls-cert` and `tls-key`.",
        example: "[admin]\nlisten = \"127.0.0.1:9500\"     # or \"none\"",
    },
    Code {
        code: "R136",
        title: "A certificate or its key cannot be used",
        text: "`tls-cert` and `tls-key` of [admin] are files in PEM, relative to the manifest: a certificate, behind it those that lead to a known \
               one, and its private key without a password. `peer-ca` holds the certificates by which those of other hosts are known.",
        example: "[admin]\nlisten = \"0.0.0.0:9500\"\ntls-cert = \"host.pem\"\ntls-key = \"host.key\"",
    },
    Code {
        code: "R137",
        title: "A host cannot be reached where it says",
        text: "`advertise` of [admin], or --advertise, is the address that the other hosts of an app are told: HOST:PORT by which they reach the admin \
               API of this one. It needs a port that is open, and an address that leads to one machine; without TLS that is a loopback address.",
        example: "cofferdam run app.toml --advertise host-1.example:9500",
    },
    Code {
        code: "R135",
        title: "The token cannot be used",
        text: "Whoever has the token can change the host, so its file, STATE-DIR/token, must be readable by its owner alone, and hold 64 \
               hexadecimal digits. When the file is deleted, the next start makes a new one. The same holds of `peer-token` of [admin], which all \
               hosts of an app share; nobody makes that by itself.",
        example: "chmod 600 .cofferdam/token",
    },
];
