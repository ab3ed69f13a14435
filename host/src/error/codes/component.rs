//! What can be wrong with a component: its bytes, what it asks for, how it starts.

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
        code: "C100",
        title: "The WebAssembly engine cannot be started",
        text: "The host reserves address space for guests when it starts; a limit on virtual memory (`ulimit -v`) can be too small \
               for it.",
        example: "",
    },
    Code {
        code: "C101",
        title: "A file is no component",
        text: "The file is empty, or does not begin as WebAssembly does: perhaps it is source code, or a download that failed. Name \
               the .wasm file that `cofferdam build` has made.",
        example: "",
    },
    Code {
        code: "C102",
        title: "A file is a core module",
        text: "A processor is a WebAssembly component: a module together with the types of what it gives and takes. Compilers mostly \
               make modules; `cofferdam build` turns a Rust package into a component.",
        example: "cofferdam build\nwasm-tools component new module.wasm -o component.wasm     # other languages",
    },
    Code {
        code: "C103",
        title: "A component is cut off",
        text: "The file ends in the middle: a copy or download was interrupted, or the disk was full.",
        example: "",
    },
    Code {
        code: "C104",
        title: "A component cannot be compiled",
        text: "The file begins like a component but is damaged, or uses a feature of WebAssembly that this host does not have.",
        example: "",
    },
    Code {
        code: "C105",
        title: "A component imports what nobody gives",
        text: "A processor reaches the outside through the contract alone (cofferdam:processor), and through WASI, of which it is \
               given clocks, random bits and its log, all virtual. Any other import would be missing when it is called, so it is \
               refused.",
        example: "",
    },
    Code {
        code: "C106",
        title: "A component was made for another version of the contract",
        text: "The contract between host and components has a version, as a public API has. Build the component with the SDK of this \
               host; a project made by `cofferdam new` has it in vendor/.",
        example: "",
    },
    Code {
        code: "C107",
        title: "A component is no processor",
        text: "It does not export the interface 'node' of the contract. In Rust `export!(..)` of the SDK is missing; in other \
               languages the component was made for another world than 'processor'.",
        example: "export!(Count);",
    },
    Code {
        code: "C108",
        title: "A component does not fit the contract",
        text: "Its imports or exports have the contract's names but other types: its bindings were made from other WIT files than \
               this host's.",
        example: "",
    },
    Code {
        code: "C109",
        title: "A component cannot describe itself",
        text: "A component may say which inputs, ports and stores it has. This one trapped or missed its deadline when it was asked. \
               The cause is the component's own.",
        example: "",
    },
    Code {
        code: "C110",
        title: "A component refuses its config",
        text: "The component was asked to describe itself with the 'config' of the manifest, and said no. The cause is in its own \
               words.",
        example: "",
    },
];
