//! What can be wrong with the log and its folder.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "B001",
        title: "A topic does not exist",
        text: "Topics of an app are made when it runs for the first time, with the partitions that [topics.*] gives them. Until then \
               nothing can be produced to them or read from them. A name on the command line is that of a source, table or sink, or \
               else of a topic.",
        example: "cofferdam run app.toml --until-idle     # makes the topics, and ends\ncofferdam produce app.toml lines lines.txt",
    },
    Code {
        code: "B002",
        title: "The log failed",
        text: "The log could not do what was asked: the disk is full, files cannot be read or written, or they are damaged. The cause \
               tells which. What was committed before stays committed, and the same command goes on from there.",
        example: "",
    },
    Code {
        code: "B003",
        title: "The state folder is in use",
        text: "The embedded log belongs to one process at a time. While `run` holds the folder, `produce`, `consume`, `status`, \
               `resume` and `dead-letters` speak to it through its control socket; another `run` needs a folder of its own.",
        example: "cofferdam run app.toml --state-dir other",
    },
    Code {
        code: "B004",
        title: "The log cannot be opened",
        text: "The state folder cannot be made, locked or read, or what lies in it is no log of this version. The cause tells which.",
        example: "",
    },
    Code {
        code: "B005",
        title: "A topic has other settings than the manifest asks for",
        text: "A topic keeps the number of partitions and the clean-up that it was made with: keys would otherwise move to other \
               partitions, away from their state. Write the settings that it has into the manifest, or take another topic or another \
               state folder.",
        example: "[topics.flights]\npartitions = 4",
    },
    Code {
        code: "B006",
        title: "There is no log in the state folder",
        text: "`produce`, `consume`, `status`, `dead-letters` and `reset` look at what an app has, and make nothing. The app has not run yet, or it keeps its \
               state elsewhere: the folder is `runtime.state-dir` of the manifest, '.cofferdam' beside it unless said, or that of \
               --state-dir.",
        example: "cofferdam status app.toml --state-dir /var/lib/flights",
    },
    Code {
        code: "B007",
        title: "A table would be restored from another topic than before",
        text: "A table whose topic is compacted is restored from that topic. It gets a changelog of its own with `changelog = true`, or when \
               the table or a node below it passes over records that fail: a restore from the topic would bring back what was passed \
               over. A changelog that comes later begins without the rows read before it, and one that is left misses those read after it. \
               Decide it before the first run, or begin anew: `cofferdam reset` under the changed manifest.",
        example: "[tables.airports]\ntopic = \"airports\"\nchangelog = true",
    },
];
