//! What can be wrong with a component once somebody looks into it.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "C100",
        title: "The WebAssembly engine could not be started",
        text: "The machine refused memory or a thread. The cause says which; a limit on address space (`ulimit -v`) or on processes is the usual reason.",
        example: "",
    },
    Code {
        code: "C101",
        title: "A file is not a WebAssembly component",
        text: "The file is empty or does not begin as WebAssembly does. 'component' has to name the .wasm file that a build has made, not the \
               source or the package.",
        example: "cofferdam build\n\n[processors.by-origin]\ncomponent = \"components/by_origin.wasm\"",
    },
    Code {
        code: "C102",
        title: "A file is a core module, not a component",
        text: "Compilers make core modules; a component is a module wrapped in the types of its imports and exports. `cofferdam build` does both \
               steps. For other languages see wit/README.md.",
        example: "cofferdam build\nwasm-tools component new module.wasm -o component.wasm",
    },
    Code {
        code: "C103",
        title: "A component is cut off",
        text: "The file begins as a component and ends in the middle: a copy or a download was interrupted, or a build is still writing it.",
        example: "",
    },
    Code {
        code: "C104",
        title: "A component cannot be compiled",
        text: "The bytes are not valid WebAssembly, or use a proposal that this host does not speak, or ask for more than any instance may have \
               (memories, tables). The cause says what and at which offset.",
        example: "",
    },
    Code {
        code: "C105",
        title: "A component imports what this host does not give",
        text: "A processor may import the contract (cofferdam:processor/*) and WASI 0.2. WASI is there so that languages' runtimes start: no files, \
               no sockets, no environment. Everything else is refused at the load, not at the first call.",
        example: "cofferdam check app.toml    # prints what each component imports, and what it is given",
    },
    Code {
        code: "C106",
        title: "A component was made for another version of the contract",
        text: "Versions 0.1.x of the contract fit each other. Build the component again with the SDK, or against the interfaces, of this host.",
        example: "cofferdam --version\ncofferdam build",
    },
    Code {
        code: "C107",
        title: "A component is no processor",
        text: "It does not export the interface 'node' of the contract, the one that every processor has. In Rust: implement `Processor` and put \
               `export!(Name);` behind it; a package that forgets the second builds, and exports nothing.",
        example: "struct Upper;\nimpl Processor for Upper { .. }\nexport!(Upper);",
    },
    Code {
        code: "C108",
        title: "A component does not fit the contract",
        text: "It names the interfaces of the contract and gives or expects other types in them: it was built against changed or mistaken .wit files.",
        example: "",
    },
    Code {
        code: "C109",
        title: "A component cannot describe itself",
        text: "`describe` trapped, missed its deadline, or told more than a description may hold. It is called in an instance of its own without \
               a task behind it: it may not call `context` or `stores`, and it must give the same answer each time.",
        example: "",
    },
    Code {
        code: "C110",
        title: "A component refuses its config",
        text: "`describe` was asked about the 'config' of this processor and said what is wrong with it. The cause is the component's own text. \
               Where the component gives a schema of its config that tells more, T014 stands here instead.",
        example: "",
    },
    Code {
        code: "C111",
        title: "A component is granted what the host does not give",
        text: "`allow` of a processor asks for something of the machine: a variable of the environment, its clocks, its random bits. A host gives \
               nothing of it unless it was started with --allow for it: whoever writes a manifest, or deploys one, does not own the host. It is \
               refused at the start, and a deployment is not taken.",
        example: "cofferdam run app.toml --allow env:REGION --allow clock",
    },
];
