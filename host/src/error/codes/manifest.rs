//! What can be wrong with a manifest, section by section.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "M001",
        title: "The manifest cannot be read",
        text: "The file is not there, is too large, is not UTF-8, or is not TOML. The cause and, for TOML, the line are in the message. A common \
               slip is a string without its closing quote, or the same header twice.",
        example: "[app]\nid = \"shop     # the quote at the end is missing",
    },
    Code {
        code: "M002",
        title: "A key that must be there is missing",
        text: "Every application needs [app] with an id, every source, table and sink a topic, every processor a component. The hint shows what to \
               write.",
        example: "[sources.flights]\ntopic = \"flights\"",
    },
    Code {
        code: "M003",
        title: "A key is not known",
        text: "A key that nobody reads would be a setting that silently has no effect, so it is refused. The hint names the key that is nearest, \
               or all keys that can stand there.",
        example: "[sources.flights]\ntopci = \"flights\"     # did you mean 'topic'?",
    },
    Code {
        code: "M004",
        title: "A value has the wrong type",
        text: "The key is known, but its value is of another type than it takes: a number where a string is wanted, a string where a list is \
               wanted. Durations and sizes are strings with a unit.",
        example: "[runtime]\ncommit-interval = \"100ms\"     # not 100",
    },
    Code {
        code: "M005",
        title: "A value is not allowed",
        text: "The value has the right type but lies out of range, is none of the words that the key takes, or cannot be understood: a duration or \
               size without a unit, a time zone that does not exist. The hint shows what can stand there.",
        example: "[processors.join.limits]\nmemory = \"64MiB\"\ndeadline = \"1s\"",
    },
    Code {
        code: "M006",
        title: "A name is not allowed",
        text: "Names of nodes and stores become part of topics, folders, metrics and references such as 'node.port'. So they have small letters, \
               digits, '-' and '_', begin with a letter or digit and have at most 100 bytes. Topics and app.id follow Kafka's rules: letters, \
               digits, '.', '_' and '-'.",
        example: "[processors.by-origin]     # not [processors.\"by.origin\"]",
    },
    Code {
        code: "M007",
        title: "Something is not there yet",
        text: "The manifest asks for something that is planned but that this version cannot do. It is refused so that nobody relies on a setting \
               without effect. The hint says what there is instead.",
        example: "[processors.x]\ncomponent = \"components/x.wasm\"     # 'oci://...' is not there yet",
    },
    Code {
        code: "M008",
        title: "Two keys contradict each other",
        text: "Two keys exclude each other ('topic' and 'topics', 'from' and 'inputs'), or one has no use beside the other. Keep the one that is \
               meant.",
        example: "[processors.join]\ninputs = { left = \"orders\", right = \"customers\" }     # without 'from'",
    },
    Code {
        code: "M009",
        title: "A name is given twice",
        text: "Sources, tables, processors and sinks share one space of names, because edges, metrics and errors name them without saying what they \
               are; a table has a store of its own name. In one list of nodes, topics or stores each may stand once.",
        example: "[sources.orders]\ntopic = \"orders\"\n\n[sinks.orders-out]     # not [sinks.orders]\ntopic = \"orders-out\"",
    },
];
