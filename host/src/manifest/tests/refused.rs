//! Bad manifests. What is said of each stands in the snapshots of its theme.

/// What only the parser can know: the schema lets texts with these parts pass.
pub(in crate::manifest) const BEYOND_THE_SCHEMA: &[&str] = &[
    "1GiB1",
    "2GiB",
    "\"1MiB\"",
    "1KiB",
    "0s",
    "Mars/Phobos",
    "%!",
    "localhost",
    "ca.pem",
    "host 1",
    "repartition = true }\n# sink",
    "twice",
    "stock:",
    "://",
    "nan",
    "mixed",
    "70000",
    "10h10",
    "\"..\"\n# app",
    "# too short",
    "# 0",
];

/// A processor with these keys.
macro_rules! processor {
    ($keys:literal) => {
        concat!("[processors.x]\ncomponent = \"x.wasm\"\n", $keys)
    };
}

/// By theme; each stands behind the id of an app.
const PARTS: &[(&str, &[&str])] = &[
    (
        "unknown_keys",
        &[
            "[source.flights]\ntopic = \"flights\"",
            "[app2]\nid = \"x\"",
            "[broker]\nknd = \"embedded\"",
            "[runtime]\nthread = 2\nstate_dir = \"x\"",
            "[topics.t]\npartition = 2",
            "[sources.s]\ntopci = \"flights\"\ntopic = \"flights\"",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"/a\", formt = \"%Y\" }",
            "[sources.s]\ntopic = \"t\"\non_error = \"skip\"",
            "[sources.s]\ntopic = \"t\"\non-error = { polciy = \"skip\" }",
            "[sources.s]\ntopic = \"t\"\non-error = { policy = \"skip\", retry = { mx = 3 } }",
            "[tables.t]\ntopic = \"t\"\nstart = \"latest\"",
            "[processors.p]\ncomponent = \"p.wasm\"\nform = [\"a\"]",
            "[processors.p]\ncomponent = \"p.wasm\"\nfrom = { form = \"a\", from = \"a\" }",
            "[processors.p]\ncomponent = \"p.wasm\"\nstores = [{ store = \"s\", acces = \"read\" }]",
            "[processors.p]\ncomponent = \"p.wasm\"\nlimits = { memroy = \"1MiB\" }",
            "[stores.s]\nbackned = \"memory\"",
            "[sinks.s]\ntopic = \"t\"\nfroms = \"a\"",
        ],
    ),
    (
        "missing_keys",
        &[
            "[sources.s]\nstart = \"latest\"",
            "[tables.t]",
            "[processors.p]\nfrom = \"a\"",
            "[sinks.s]\nfrom = \"a\"",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { zone = \"UTC\" }",
            "[sources.s]\ntopic = \"t\"\non-error = { policy = \"dead-letter\" }",
            "[processors.p]\ncomponent = \"p.wasm\"\nfrom = { repartition = true }",
            "[processors.p]\ncomponent = \"p.wasm\"\nstores = [{ access = \"read\" }]",
        ],
    ),
    (
        "wrong_types",
        &[
            "[sources]\nflights = \"flights\"",
            "[[sources.s]]\ntopic = \"t\"",
            "[runtime]\nthreads = \"two\"",
            "[runtime]\ncommit-interval = 100",
            "[sources.s]\ntopic = 5",
            "[sources.s]\ntopics = \"a\"",
            "[sources.s]\ntopic = \"t\"\ntimestamp = \"/date\"",
            "[sources.s]\ntopic = \"t\"\non-error = true",
            "[tables.t]\ntopic = \"t\"\nchangelog = \"yes\"",
            processor!("from = 3"),
            processor!("from = [\"a\", 3]"),
            processor!("from = [[\"a\"]]"),
            processor!("inputs = [\"a\"]"),
            processor!("inputs = { left = 1.5 }"),
            processor!("stores = \"s\""),
            processor!("stores = [1979-05-27]"),
            processor!("from = { from = { from = \"a\" } }"),
        ],
    ),
    (
        "bad_values",
        &[
            "[app2]\n\n[broker]\nkind = \"embeded\"",
            "[runtime]\nthreads = 0",
            "[runtime]\nthreads = -1\nstate-dir = \"\"",
            "[runtime]\ncommit-interval = \"100\"",
            "[runtime]\nmax-task-idle = \"10h10\"",
            "[runtime]\nmemory = \"1MiB\"",
            "[topics.t]\npartitions = 0\ncleanup = \"compacted\"\npartitioner = \"murmur3\"",
            "[sources.s]\ntopic = \"t\"\nstart = \"beginning\"",
            "[sources.s]\ntopics = []",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"date.time\" }",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"/date\", format = \"%!\" }",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"/date\", zone = \"Mars/Phobos\" }",
            "[sources.s]\ntopic = \"t\"\non-error = \"ignore\"",
            "[sources.s]\ntopic = \"t\"\non-error = \"dead-letter\"",
            processor!("from = []"),
            processor!("allow = \"clock\""),
            processor!("allow = [\"clock\", \"random\", \"clock\"]"),
            processor!("allow = [\"env:\", \"dir:/tmp\", \"colck\"]"),
            processor!("limits = { memory = \"64MB\" }"),
            processor!("limits = { memory = \"2GiB\" }"),
            processor!("limits = { memory = \"1KiB\" }"),
            processor!("limits = { deadline = \"0s\" }"),
            processor!("limits = { outputs = 0 }"),
            processor!("digest = \"sha256:000000000000000000000000000000000000000000000000000000000000000\""),
            processor!("stores = [{ store = \"s\", access = \"write\" }]"),
            processor!("config = { factor = nan }"),
            "[stores.s]\nkind = \"keyvalue\"",
            "[stores.s]\nbackend = \"rocks\"",
            "[admin]\npublic = \"9464\"",
            "[admin]\npublic = \":9464\"",
            "[admin]\npublic = \"0.0.0.0:http\"",
            "[admin]\npublic = \"0.0.0.0:70000\"",
            "[admin]\npublic = \"::1:9464\"",
            "[admin]\npublic = \"http://0.0.0.0:9464\"",
            "[admin]\nlisten = \"0.0.0.0:9500\"",
            "[admin]\ntls-cert = \"host.pem\"",
            "[admin]\nlisten = \"cofferdam.example:9500\"",
            "[admin]\nadvertise = \"127.0.0.1:9500\"",
            "[admin]\nlisten = \"127.0.0.1:9500\"\nadvertise = \"127.0.0.1\"",
            "[admin]\nlisten = \"127.0.0.1:9500\"\nadvertise = \"host-1.example:9500\"",
            "[admin]\nlisten = \"127.0.0.1:9500\"\nadvertise = \"127.0.0.1:0\"",
            "[admin]\nlisten = \"0.0.0.0:9500\"\nadvertise = \"0.0.0.0:9500\"\ntls-cert = \"host.pem\"\ntls-key = \"host.key\"",
            "[admin]\nlisten = \"[::]:9500\"\nadvertise = \"[::]:9500\"\ntls-cert = \"host.pem\"\ntls-key = \"host.key\"",
            "[admin]\nlisten = \"127.0.0.1:9500\"\npeer-token = \"peers.token\"",
            "[admin]\nlisten = \"127.0.0.1:9500\"\npeer-token = \"peers.token\"\npeer-ca = \"ca.pem\"",
        ],
    ),
    (
        "bad_names",
        &[
            "[runtime]\ninstance-id = \"host 1\"",
            "[sources.\"by.origin\"]\ntopic = \"t\"",
            "[sources.Flights]\ntopic = \"t\"",
            "[stores._s]",
            "[topics.\"a b\"]",
            "[sources.s]\ntopic = \"a/b\"",
            "[sources.s]\ntopic = \"..\"",
            processor!("from = \"a.b.c\""),
            processor!("from = \"a.\""),
            processor!("from = \"A\""),
        ],
    ),
    (
        "contradictions",
        &[
            "[broker]\nbootstrap = \"localhost:9092\"",
            "[broker]\nkind = \"embedded\"\nclient = { \"ssl.ca.location\" = \"ca.pem\" }",
            "[sources.s]\ntopic = \"a\"\ntopics = [\"b\"]",
            "[sources.s]\ntopic = \"t\"\non-error = { policy = \"skip\", topic = \"bad\" }",
            processor!("from = \"a\"\ninputs = { left = \"b\" }"),
            "[sinks.s]\ntopic = \"t\"\nfrom = { from = \"a\", repartition = true }\n# sink",
        ],
    ),
    (
        "repetitions",
        &[
            "# twice\n[sources.s]\ntopic = \"a\"\n\n[sinks.s]\ntopic = \"b\"",
            "# twice\n[tables.s]\ntopic = \"a\"\n\n[stores.s]",
            "# twice\n[sources.s]\ntopics = [\"a\", \"b\", \"a\"]",
            processor!("from = [\"a\", \"b.c\", \"a\", \"b.c\"] # twice"),
            processor!("stores = [\"a\", { store = \"a\", access = \"read\" }] # twice"),
        ],
    ),
    (
        "stores",
        &[
            "[stores.s]\nkind = \"windows\"",
            "[stores.s]\nkind = \"window\"",
            "[stores.s]\nkind = \"window\"\nwindow = \"1h\"\nretention = \"59m\" # too short",
            "[stores.s]\nkind = \"window\"\nwindow = \"1h\"\nretention = 24\nduplicates = \"yes\"",
            "[stores.s]\nkind = \"session\"",
            "[stores.s]\nkind = \"session\"\nretention = \"1h\"\nduplicates = true\nwindow = \"1h\"",
            "[stores.s]\nkind = \"versioned\"\nhistory = \"1h\"\nsegment-interval = \"300ms\" # too short",
            "[stores.s]\nkind = \"versioned\"\nhistory = \"0ms\"\nsegment-interval = \"0ms\" # too short",
            "[stores.s]\nkind = \"versioned\"\nretention = \"1h\"\nttl = \"1h\"",
            "[stores.s]\nhistory = \"1h\"\nretention = \"7d\"\nwindow = \"1h\"",
            "[stores.s]\nttl = \"0ms\" # 0",
            "[stores.s]\nttl = \"7\"",
        ],
    ),
    (
        "not_there_yet",
        &[
            "[global-tables.g]\ntopic = \"t\"",
            "[processors.p]\ncomponent = \"oci://ghcr.io/a/b:1\"",
            "[processors.p]\ncomponent = \"stock:join\"",
            "[processors.p]\ncomponent = \"stock:tabel\"",
        ],
    ),
];

/// Bad from the first line on.
const WHOLE: &[&str] = &[
    "",
    "[app]\n",
    "[app]\nid = \"a b\"\nguarantee = \"exactly_once\"\n",
    "[app]\nid = \"\"\n",
    "[app]\nid = \"..\"\n# app",
    "app = \"x\"\n",
    "[app]\nid = \"a\n",
    "[app]\nid = \"a\"\n[app]\nid = \"b\"\n",
];

/// All of them, each with its theme.
pub(in crate::manifest) fn refused() -> impl Iterator<Item = (String, &'static str)> {
    let parts = PARTS.iter().flat_map(|(theme, parts)| parts.iter().map(|part| (format!("[app]\nid = \"shop\"\n\n{part}\n"), *theme)));
    parts.chain(WHOLE.iter().map(|whole| ((*whole).to_owned(), "the_whole_file")))
}
