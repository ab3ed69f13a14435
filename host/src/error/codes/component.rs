//! What can be wrong with a component before and after the sandbox looks at it: its bytes, its start.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "C001",
        title: "A component's file cannot be read",
        text: "The path in 'component' is relative to the folder of the manifest, not to where the command was started. The file must be a component \
               of WebAssembly that was built before.",
        example: "cofferdam build\ncofferdam check app.toml",
    },
    Code {
        code: "C002",
        title: "A component is not the one that 'digest' names",
        text: "'digest' pins a component to its bytes: another build, or a file that somebody replaced, is refused. If the change is meant, put the \
               digest of the message into the manifest.",
        example: "[processors.by-origin]\ncomponent = \"by_origin.wasm\"\ndigest = \"sha256:...\"",
    },
    Code {
        code: "C003",
        title: "A stock component was not built",
        text: "Stock components are embedded in the command when it is built after them; else they are looked for in the folder 'plugins' beside \
               the command. A plain `cargo build` of a fresh clone has neither.",
        example: "make plugins\ncargo build",
    },
    Code {
        code: "C020",
        title: "A component refuses to start",
        text: "`init` of the component failed in a task, though it was found fit before: mostly it refuses its 'config'. The cause is \
               in the component's own words. Its tasks stay parked until the next run.",
        example: "",
    },
    Code {
        code: "C030",
        title: "A component is older than its state",
        text: "`describe` of a component gives the version in which it keeps its state. What is in the stores is of a newer version: a newer component \
               has worked on it, by a `swap` of the last run or under another manifest. The older one would misread it.",
        example: "",
    },
    Code {
        code: "C031",
        title: "A component is newer than its state",
        text: "`describe` of the component gives a larger state version than that of what is in the stores, and it does not export `migrate`, \
               which would take the older state over.",
        example: "",
    },
    Code {
        code: "C032",
        title: "State is on its way to another version",
        text: "A component has begun to take over the state of an older version and has not ended: a part of the state is of one version, the rest of \
               the other. Only a component of the version that it will have can go on.",
        example: "",
    },
    Code {
        code: "C033",
        title: "State cannot be taken over",
        text: "`migrate` of the component has failed, in its own words. Offered as a swap, it was tried before anything was committed: the one \
               at work stays. Later, what was taken over stays so, the task is parked, and another component of the same state version goes on from \
               there; `resume` lets this one try again.",
        example: "cofferdam swap app.toml count repaired.wasm",
    },
];
