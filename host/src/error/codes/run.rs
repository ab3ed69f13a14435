//! What can go wrong at the command line and while an app runs.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "R001",
        title: "A thread cannot be started",
        text: "The system gave no thread to the host: a limit on processes (`ulimit -u`) or memory is reached. Fewer stream threads \
               may help: `runtime.threads`, or --threads.",
        example: "",
    },
    Code {
        code: "R002",
        title: "A stream thread failed",
        text: "A stream thread ended, and with it the host. The cause tells what could not be done. What was not committed is done \
               again by the next run of the same command; nothing is lost or doubled.",
        example: "",
    },
    Code {
        code: "R003",
        title: "A stream thread panicked",
        text: "This is a defect of Cofferdam. Nothing that was committed is harmed, and the same command goes on where it stopped; \
               please report the message.",
        example: "",
    },
    Code {
        code: "R004",
        title: "A node has no component",
        text: "This is a defect of Cofferdam: a processor got into the plan without its component. Please report it, with the \
               manifest.",
        example: "",
    },
    Code {
        code: "R005",
        title: "Signals cannot be heard",
        text: "The system refused the handlers of SIGTERM and SIGINT, without which the host could not be stopped cleanly.",
        example: "",
    },
    Code {
        code: "R006",
        title: "Tasks are parked",
        text: "A record failed, and the policy of its node is 'fail' (the default): its task stands still at that record, and what \
               came before is committed. The other tasks have gone on. Nothing is lost: after a repair the same command tries the \
               record again. `on-error` of the node can pass such records over, or put them aside.",
        example: "[processors.parse]\non-error = { policy = \"dead-letter\", topic = \"bad-lines\" }",
    },
    Code {
        code: "R007",
        title: "A source has grown beyond the state",
        text: "A topic was given more partitions. A key may now come in another partition than before, whose task has none of the key's \
               state. So the tasks of new partitions are parked, and the others go on with the records that they get. Write the records \
               anew, by key, into a topic that has as many partitions as are needed, and begin there with an app.id of its own. A \
               sub-topology without stores takes new partitions as they come.",
        example: "",
    },
    Code {
        code: "R010",
        title: "An input cannot be opened",
        text: "The file of --input, or of `produce`, is not there or may not be read. Its path is relative to where the command was \
               started. --input takes regular files only, since they are read twice; what comes through a pipe goes to standard \
               input, which is called '-'.",
        example: "zcat lines.gz | cofferdam run app.toml --input lines=-",
    },
    Code {
        code: "R011",
        title: "An input could not be produced",
        text: "Reading the input or writing to the log failed on the way. The lines before are in the log; for --input the same \
               command goes on behind them.",
        example: "",
    },
    Code {
        code: "R012",
        title: "A record line is broken",
        text: "A line that is an object with 'value' and nothing but 'key', 'value', 'timestamp' and 'headers' is a record; every \
               other line is a value, byte for byte. This line has the fields of a record, and one of them cannot be read; or \
               its topic refuses the record, for its size or because it has no key. A file of --input with such a line is not \
               produced at all; `produce` and standard input stop at the line.",
        example: "{\"key\": \"a\", \"value\": {\"n\": 1}, \"timestamp\": 1700000000000, \"headers\": {\"from\": \"here\"}}",
    },
    Code {
        code: "R013",
        title: "--input names no source or table",
        text: "The part before '=' is the name of a source or table of the manifest, not of a topic.",
        example: "cofferdam run app.toml --input lines=lines.txt",
    },
    Code {
        code: "R014",
        title: "Standard input is given twice",
        text: "'-' stands for standard input, which can be read once only.",
        example: "",
    },
    Code {
        code: "R015",
        title: "A source has several topics",
        text: "Records are produced to one topic. This source reads several, so name the one that is meant.",
        example: "",
    },
    Code {
        code: "R016",
        title: "An input would be produced again",
        text: "The embedded log remembers which files were produced, so that the same command can be given again. A Kafka cluster keeps no \
               such note: each start with --input appends the file's records once more. `--yes` says that this is meant; `produce` \
               appends a file without running the app.",
        example: "cofferdam run app.toml --input lines=lines.txt --yes",
    },
    Code {
        code: "R020",
        title: "An output cannot be written",
        text: "The file of --output is in a folder that is not there, may not be written, or the disk is full. Its path is relative \
               to where the command was started.",
        example: "",
    },
    Code {
        code: "R021",
        title: "A topic cannot be read",
        text: "Reading the topic of an --output failed. The cause tells why.",
        example: "",
    },
    Code {
        code: "R022",
        title: "--output names no sink",
        text: "The part before '=' is the name of a sink of the manifest, not of a topic. `consume` shows any topic.",
        example: "cofferdam run app.toml --output counts=counts.jsonl",
    },
    Code {
        code: "R030",
        title: "No host is running",
        text: "Only a running host has tasks that could be told to go on. A task that was parked when its host ended tries its record \
               again at the next `run`.",
        example: "",
    },
    Code {
        code: "R031",
        title: "There is no such task",
        text: "Tasks are named <sub-topology>_<partition>; `status` lists them.",
        example: "cofferdam resume app.toml lines_0",
    },
    Code {
        code: "R033",
        title: "The control socket cannot be opened",
        text: "The host runs, but `produce`, `consume`, `status`, `resume` and `dead-letters` cannot reach it. Mostly the path of the state folder is \
               too long: a Unix socket's path has at most 107 bytes.",
        example: "cofferdam run app.toml --state-dir /var/lib/flights",
    },
    Code {
        code: "R034",
        title: "An answer was cut short",
        text: "This is a defect of Cofferdam: the host could not finish an answer. It goes on; please report what was asked.",
        example: "",
    },
    Code {
        code: "R035",
        title: "The control socket does not answer",
        text: "A process holds the state folder, but its answer did not come or made no sense: it was just ending, belongs to another \
               user, or is another version of Cofferdam.",
        example: "",
    },
    Code {
        code: "R036",
        title: "The public port cannot be opened",
        text: "`public` of [admin] says where the host shows /metrics, /health/live and /health/ready: an address of this machine and a \
               port that is free. Another process may have it, such as a second host. Where the manifest does not say it, the default \
               is 127.0.0.1:9464 on Kafka, and no port on the embedded log.",
        example: "[admin]\npublic = \"0.0.0.0:9465\"     # or \"none\"",
    },
    Code { code: "R040", title: "A step file cannot be read", text: "The path is not there or may not be read.", example: "" },
    Code {
        code: "R041",
        title: "There is no step file",
        text: "Step files end in .json and are looked for in the folders that are given, and below them.",
        example: "cofferdam test tests/steps",
    },
    Code {
        code: "R050",
        title: "A component was not built",
        text: "The compiler's own messages stand above. If there is no compiler for WebAssembly on this machine, the hint names the \
               packages to install.",
        example: "rustup target add wasm32-unknown-unknown",
    },
    Code {
        code: "R051",
        title: "There is nothing to build",
        text: "`build` takes a folder with a Cargo.toml (a package that is a `cdylib`, or a workspace of such), or with a \
               package.json that has a script 'build'.",
        example: "cofferdam build processors/parse",
    },
    Code {
        code: "R052",
        title: "npm failed",
        text: "The script 'build' of package.json, or `npm install` before it, failed. Its own messages stand above. Node.js and npm \
               must be installed.",
        example: "",
    },
    Code {
        code: "R053",
        title: "Files cannot be watched",
        text: "--watch asks the system to tell of changes, and it refused: the folder is gone, or there are more folders than \
               `fs.inotify.max_user_watches` allows.",
        example: "",
    },
    Code {
        code: "R054",
        title: "`-p` and `--out` are for packages of Rust",
        text: "The folder has a package.json and no Cargo.toml. What is built there, and where it goes, is said by the script 'build' of package.json.",
        example: "",
    },
    Code {
        code: "R060",
        title: "The folder is there already",
        text: "`new` begins in an empty folder, so that nothing is overwritten.",
        example: "",
    },
    Code {
        code: "R061",
        title: "A project cannot have this name",
        text: "The name becomes that of a package, of the app and of its topics: small letters, digits, '-' and '_', beginning with a \
               letter, and no word that Rust keeps for itself.",
        example: "cofferdam new word-count",
    },
    Code {
        code: "R062",
        title: "A project's file cannot be written",
        text: "The folder is not there, may not be written, or the disk is full.",
        example: "",
    },
    Code {
        code: "R070",
        title: "There is no such code",
        text: "Codes are a letter and three digits: M manifest, T topology, C component, B log, R run. `cofferdam explain` without a \
               code lists all.",
        example: "",
    },
    Code {
        code: "R080",
        title: "There is no such dead letter",
        text: "Dead letters are named TOPIC/PARTITION/OFFSET, after the place where the letter lies, not its record. The topic is one that \
               `on-error` of a node names; what lies there without the headers of a letter, from a sink that writes the same topic, is \
               none. A letter is gone when the retention of its topic is over.",
        example: "cofferdam dead-letters list app.toml\ncofferdam dead-letters show app.toml bad-flights/0/3",
    },
    Code {
        code: "R081",
        title: "A dead letter cannot go back",
        text: "`dead-letters retry` writes a record to the partition that it came from, and that is not there any more: the topic was \
               deleted, or made anew with fewer partitions. Nothing was written. `show` prints the record, for `produce` to another topic.",
        example: "",
    },
    Code {
        code: "R082",
        title: "The app is running",
        text: "A reset moves the committed offsets and deletes state, while a host that runs has both in memory and would commit them \
               again. Stop the app first, on every machine.",
        example: "",
    },
    Code {
        code: "R083",
        title: "A reset was not finished",
        text: "A reset was killed, or failed, between its first and its last step. Offsets and state do not fit together now: a run would \
               count records twice, or not at all, so it is refused. The same command, with the same --to, completes the reset.",
        example: "cofferdam reset app.toml --yes",
    },
    Code {
        code: "R084",
        title: "A reset failed",
        text: "Offsets, topics or files could not be changed; the cause tells which. The same command completes the reset, and until then \
               `run` refuses to start the app.",
        example: "",
    },
    Code {
        code: "R085",
        title: "A reset wants to be confirmed",
        text: "A reset deletes what an app has counted and kept, and cannot be undone. On a terminal it asks; elsewhere --yes says that it \
               is meant.",
        example: "cofferdam reset app.toml --dry-run\ncofferdam reset app.toml --yes",
    },
    Code {
        code: "R090",
        title: "There is no such processor",
        text: "A swap names a processor by its section in the manifest: [processors.NAME]. The component of a table is the host's own.",
        example: "cofferdam swap app.toml count components/word_count.wasm",
    },
    Code {
        code: "R091",
        title: "The host is just starting or ending",
        text: "It answers, but has no stream threads yet: files of --input are produced first. Or they are ending.",
        example: "",
    },
    Code {
        code: "R093",
        title: "A swap was given up",
        text: "A stream thread did not come to a commit within 30 seconds, or has ended. The component that worked before works on. A call \
               that lasts shows in `status`.",
        example: "cofferdam status app.toml",
    },
    Code {
        code: "R094",
        title: "There is no version before",
        text: "The component that a swap has replaced is kept for a rollback: until the next swap, until it has come back, or until the host \
               ends. A start takes what the manifest names.",
        example: "",
    },
    Code {
        code: "R100",
        title: "Nothing is deployed",
        text: "`run --app` runs what `deploy` has published under this id, in the topic `<app>-deployments` of the cluster, or without --bootstrap in \
               that of the state folder. There is none yet, or the id, the cluster or the folder is another one.",
        example: "cofferdam deploy app.toml",
    },
    Code {
        code: "R101",
        title: "A deployment is not whole",
        text: "A part of what was published is not in the topic, or not as it was published: somebody has written or deleted there. A new deployment \
               helps.",
        example: "cofferdam deploy app.toml",
    },
    Code {
        code: "R102",
        title: "Something else was deployed meanwhile",
        text: "A plan shows what changes from one deployment to the next. Between the plan and its publication another deployment came, so the plan \
               does not hold any more, and nothing was published.",
        example: "cofferdam deploy app.toml",
    },
    Code {
        code: "R104",
        title: "Nobody can agree to a deployment",
        text: "`deploy` shows what would change and asks. Where its input is no terminal, --yes agrees beforehand.",
        example: "cofferdam deploy app.toml --yes",
    },
    Code {
        code: "R105",
        title: "Another graph is deployed",
        text: "Hosts of one group share the tasks of an app, so they have to agree which tasks there are. Of this app a graph is deployed that is \
               not that of the manifest: other nodes, edges, stores or topics. Components and their config may differ. What is deployed and cannot \
               be compared is refused, too: the cause tells what is in the way.",
        example: "cofferdam deploy app.toml",
    },
    Code {
        code: "R106",
        title: "Hosts with another graph are running",
        text: "Hosts of one group share the tasks of an app, so they have to agree which tasks there are. Members of the group announce another graph than \
               that of the manifest: other nodes, edges, stores or topics. The host has waited for longer than a host that has died is a member. A \
               deployment is followed by all hosts together; or stop the others first, so that they leave the group (SIGINT, or SIGTERM under --leave), \
               and start all of them with the new manifest.",
        example: "cofferdam deploy app.toml\ncofferdam run --app my-app --bootstrap localhost:9092",
    },
    Code {
        code: "R107",
        title: "A deployment is not to be trusted",
        text: "The host was started with --trust: it takes what is signed with one of these keys, as this deployment of this app. One that is unsigned, \
               signed with another key, or older than the one that runs is refused before any of it is compiled, and the host stays on what it has.",
        example: "cofferdam deploy app.toml --sign key.pem\ncofferdam run --app my-app --bootstrap localhost:9092 --trust public.pem",
    },
    Code {
        code: "R108",
        title: "A key cannot be used",
        text: "Deployments are signed with ed25519. The key that signs is a file in PEM (PKCS#8), and so is the public one that hosts trust.",
        example: "openssl genpkey -algorithm ed25519 -out key.pem\nopenssl pkey -in key.pem -pubout -out public.pem",
    },
    Code {
        code: "R138",
        title: "Two places are named for the log",
        text: "--bootstrap says that the log is a cluster, and the [broker] of the file given with --host that it is the one in the state folder. The \
               host runs what is deployed on one of them.",
        example: "[broker]\nkind = \"kafka\"",
    },
];
