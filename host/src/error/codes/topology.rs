//! What can be wrong with a manifest as a whole: the graph, its stores, its topics.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "T001",
        title: "An edge begins at a node that does not exist",
        text: "'from' and 'inputs' name sources, tables and processors. The name has no such node behind it, or it is that of a sink, out of which \
               nothing flows. The hint names the node that is nearest.",
        example: "[sinks.out]\ntopic = \"out\"\nfrom = [\"by-orign\"]     # did you mean 'by-origin'?",
    },
    Code {
        code: "T002",
        title: "Records would run in a circle",
        text: "A topology has a beginning and an end: one record goes through all of it before the next. A node that feeds itself, directly or by \
               way of others, would never come to an end, so it is refused, also where an edge is repartitioned. Records can be fed back through a \
               topic: a sink writes it, a source reads it.",
        example: "error[T002]: records would run in a circle: score -> rank -> score",
    },
    Code {
        code: "T003",
        title: "A node that nothing reaches",
        text: "The processor or sink names no node that feeds it, so it would never be called.",
        example: "[processors.by-origin]\ncomponent = \"by_origin.wasm\"\nfrom = [\"flights\"]",
    },
    Code {
        code: "T004",
        title: "Records go nowhere (warning)",
        text: "Nobody takes what comes out of this node, and it keeps no state. That is allowed, because a processor may be there for its logs or \
               metrics alone, but mostly an edge was forgotten.",
        example: "",
    },
    Code {
        code: "T005",
        title: "The component has no such input role",
        text: "A component can say which inputs it has, by role. 'inputs' names one that it does not have.",
        example: "[processors.join]\ncomponent = \"join.wasm\"\ninputs = { lft = \"orders\", right = \"customers\" }     # did you mean 'left'?",
    },
    Code {
        code: "T006",
        title: "An input role is not fed",
        text: "The component says that it has several inputs. Each must be fed, and the manifest must say by which nodes: with 'inputs', as 'from' \
               is for components with one input.",
        example: "[processors.join]\ncomponent = \"join.wasm\"\ninputs = { left = \"orders\", right = \"customers\" }",
    },
    Code {
        code: "T007",
        title: "The node has no such port",
        text: "'node.port' names an output port that the component does not declare. Sources and tables have no ports beside their own name.",
        example: "[sinks.unknown]\ntopic = \"unknown\"\nfrom = [\"join.unmached\"]     # did you mean 'unmatched'?",
    },
    Code {
        code: "T008",
        title: "A processor opens a store that does not exist",
        text: "'stores' names neither a [stores.*] nor a table.",
        example: "[processors.count]\nstores = [\"counts\"]\n\n[stores.counts]\nkind = \"key-value\"",
    },
    Code {
        code: "T009",
        title: "A store that nobody opens",
        text: "A component reaches only the stores that its processor lists. This one is listed by none, so it would stay empty.",
        example: "[processors.count]\nstores = [\"counts\"]",
    },
    Code {
        code: "T010",
        title: "The stores do not fit the component",
        text: "A component can say which stores it opens: by which role, of which kind, and whether it writes. The manifest must give exactly these. \
               A list is enough for a component with one role; with several the manifest says which store plays which role.",
        example: "[processors.join]\nstores = { state = \"delays\", names = { store = \"airports\", access = \"read\" } }",
    },
    Code {
        code: "T011",
        title: "Two writers of a table's store",
        text: "The store of a table holds what its topic says, and is restored from there. Whatever another node would write into it would be lost \
               at the next restore. Other nodes may read it.",
        example: "[processors.lookup]\nstores = [{ store = \"airports\", access = \"read\" }]",
    },
    Code {
        code: "T012",
        title: "A stream flows where a table's updates are wanted",
        text: "An edge carries either records of a stream or updates of a table, which tell what they replace. The role needs updates, or it is fed \
               by a stream and a table at the same time. A topic becomes a table with [tables.*], a stream inside the graph with a \
               processor of 'stock:table'.",
        example: "[tables.airports]     # not [sources.airports]\ntopic = \"airports\"",
    },
    Code {
        code: "T013",
        title: "A topic feeds two sources",
        text: "The application reads each topic once: one consumer, one committed offset. Two ways through the graph can begin at the same source.",
        example: "[processors.a]\nfrom = [\"flights\"]\n\n[processors.b]\nfrom = [\"flights\"]",
    },
    Code {
        code: "T014",
        title: "The config does not fit the component",
        text: "The component gives a JSON Schema of its config, and what stands in the manifest does not fit it. The message names the path in the \
               config, and the place in the file.",
        example: "[processors.late]\nconfig = { threshold = 15 }",
    },
    Code {
        code: "T015",
        title: "Topics that meet have different numbers of partitions",
        text: "Where records of several topics reach one node by different roles, or one store, records of the same key must come to the same task: \
               the topics need the same number of partitions. Create them alike, or bring one of them over with a repartition edge: its internal \
               topic takes the number of the others.",
        example: "[processors.join]\ninputs = { left = { from = \"orders\", repartition = true }, right = \"customers\" }",
    },
    Code {
        code: "T016",
        title: "Topics that meet are spread by key in different ways",
        text: "The same number of partitions is not enough when somebody else's hash put the keys there: librdkafka's default is crc32, Kafka's and \
               ours is murmur2; 'none' means not by key. A repartition edge writes the records anew, by key.",
        example: "[topics.orders]\npartitioner = \"crc32\"",
    },
    Code {
        code: "T017",
        title: "Settings for a topic that no node uses",
        text: "[topics.NAME] says how a topic is created and who wrote its keys. No source, table, sink or dead-letter policy uses this one; mostly \
               its name is mistyped. Internal topics are the application's own: only the partitions of a repartition topic can be set.",
        example: "[topics.flights]\npartitions = 4\n\n[sources.flights]\ntopic = \"flights\"",
    },
    Code {
        code: "T018",
        title: "Internal names clash",
        text: "Internal topics and sub-topologies are named after the nodes, roles and stores that they belong to: <app>-<node>-<role>-repartition, \
               <app>-<store>-changelog, <app>-<sub-topology>-cells-changelog. Two of them came out alike, or like a topic of the manifest, or too \
               long for Kafka. Rename one of the parts.",
        example: "",
    },
    Code {
        code: "T019",
        title: "A table gets a changelog of its own (warning)",
        text: "A table is restored from its own topic when that is compacted, for then it still has the last value of each key. Where it is \
               not, or where the table or a node below it passes over records that fail (a restore from the topic would not), the \
               table's rows are written to a changelog as well. The warning names the reason; `changelog = true` says that you mean it.",
        example: "[tables.airports]\ntopic = \"airports\"\nchangelog = true",
    },
    Code {
        code: "T020",
        title: "A component describes itself wrongly",
        text: "What the component says of itself does not hang together: a port refers to a role that is not there, or its config schema is no JSON \
               Schema. That is a mistake of the component's author.",
        example: "",
    },
    Code {
        code: "T021",
        title: "The number of partitions of a topic is not known",
        text: "Tasks are counted by the partitions of the topics that are read. This topic does not exist on the broker, and was not created either.",
        example: "[topics.flights]\npartitions = 4",
    },
    Code {
        code: "T022",
        title: "A dead letter would come back",
        text: "The dead-letter topic of this node is read by a source or table above it, or by the node itself. The letter would arrive at the \
               node again, fail again and be written again: the topic would grow for ever. A repartition edge between them changes nothing.",
        example: "[sources.flights]\ntopic = \"flights\"\non-error = { policy = \"dead-letter\", topic = \"bad-flights\" }     # not \"flights\"",
    },
    Code {
        code: "T023",
        title: "The application reads nothing",
        text: "The manifest has neither a source nor a table. No record would ever come, and a run would wait for ever.",
        example: "[sources.flights]\ntopic = \"flights\"",
    },
    Code {
        code: "T030",
        title: "A source's timestamps cannot be understood",
        text: "The source takes its event time from a field of the value, and the format or the time zone that it gives cannot be \
               used.",
        example: "[sources.flights]\ntopic = \"flights\"\ntimestamp = { field = \"/date\", format = \"%Y/%m/%d %H:%M\", zone = \"UTC\" }",
    },
    Code {
        code: "T031",
        title: "Keys lie in other partitions than they should",
        text: "This topic meets others in one sub-topology, so a key must have the same number of partition in all of them. Before a run on Kafka \
               the first 1,000 keys are looked at: more than one in a hundred lies where the topic's partitioner would not have put it. The \
               producer used another one: librdkafka's default is crc32, Kafka's own is murmur2.",
        example: "[topics.orders]\npartitioner = \"crc32\"",
    },
    Code {
        code: "T040",
        title: "A swap would change the topology",
        text: "A component that takes over while the app runs has to have the inputs, the ports and the stores of the one at work, and to \
               carry streams and tables where that does: records are on their way through the nodes that there are.",
        example: "cofferdam check app.toml     # with the new component in its place, before the next run",
    },
];
