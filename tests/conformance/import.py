#!/usr/bin/env python3
"""Makes the step files of this folder out of Kafka Streams' conformance vectors, and a manifest for each variant.

    import.py VECTORS

Only what the host can run today is taken. What is changed: `manifest` is added; a store's name becomes the manifest's; of the visits in
`forward-order` only NODE:enter stays (code after a forward runs before the subtree here, so there is no exit to compare), as sink
`NODE-enter`; an operation of a store script becomes the value of a record. Left out are operations with a null key (a handle cannot ask
for one), records of a table without a key (its topic is compacted and refuses them, as Kafka's would), and records without a key before a
repartition edge (Kafka Streams drops them there; here they go through).
"""
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
GUESTS = "GUESTS"  # replaced by the way from the manifest to tests/guests/dist


def processor(node, source, /, component="operators", stores=None, **config):
    config = ", ".join(f"{key.replace('_', '-')} = {value(v)}" for key, v in config.items() if v is not None)
    lines = [f"[processors.{node}]", f'component = "{GUESTS}/{component}.wasm"', f"from = {value(source)}"]
    lines += [f"stores = {value(stores)}"] if stores else []
    return "\n".join([*lines, f"config = {{ {config} }}"])


def value(v):
    """A value as TOML."""
    if isinstance(v, dict):
        return "{ " + ", ".join(f"{key} = {value(item)}" for key, item in v.items()) + " }"
    if isinstance(v, list):
        return "[" + ", ".join(map(value, v)) + "]"
    return json.dumps(v)


def source(name="in"):
    return f'[sources.{name}]\ntopic = "{name}"'


def table(name):
    return f'[tables.{name}]\ntopic = "{name}"'


def sink(name, of):
    return f'[sinks.{name}]\ntopic = "{name}"\nfrom = {value(of)}'


def store(name):
    return f'[stores.{name}]\nkind = "key-value"\nbackend = "memory"'


def one(op, **config):
    """One operator between a source and a sink."""
    return [source(), processor("operator", ["in"], op=op, **config), sink("out", ["operator"])]


def split(ports, rest):
    branches = [sink(name, [f"split.{name}"]) for name in [*dict(ports), *(["rest"] if rest else [])]]
    return [source(), processor("split", ["in"], op="split", ports=[list(port) for port in ports], rest=rest or None), *branches]


def aggregate(by):
    return [source(), processor("operator", ["in"], stores=["agg"], op="aggregate", by=by), store("agg"), sink("out", ["operator"])]


def join(left, repartitioned=False):
    read = [{"store": "right", "access": "read"}]
    letter = [processor("letter", ["left"], op="first-letter")] if repartitioned else []
    of = {"from": "letter", "repartition": True} if repartitioned else ["left"]
    return [source("left"), table("right"), *letter, processor("join", of, stores=read, op="join", left=left), sink("out", ["join"])]


def punctuate(params):
    return [
        source(),
        processor(
            "operator",
            ["in"],
            component="probe",
            stores=["counts"],
            do="punctuate",
            **{key: params[key] for key in ("stream_time_interval_ms", "wall_clock_interval_ms", "anchor_start_time_ms", "cancel_after")},
        ),
        store("counts"),
        sink("out", ["operator"]),
    ]


def visits(nodes):
    parts = [source()]
    sinks = []
    for node in nodes:
        name, mode, parents = re.fullmatch(r"(\w+) \((\w+)\) after (.+)", node).groups()
        of = []
        for parent in parents.lower().split(","):
            named = any(other.startswith(f"{parent.upper()} (named)") for other in nodes)
            of += [parent, *([f"{parent}.{name.lower()}"] if named else [])]
        parts.append(processor(name.lower(), of, op="visit", name=name, mode=mode))
        sinks.append(sink(f"{name.lower()}-enter", [f"{name.lower()}.enter"]))
    return parts + sinks


VARIANTS = {
    "filter/even": one("filter-even"),
    "filter/key-not-null": one("filter-key"),
    "filter-not/even": one("filter-even", **{"not": True}),
    "map-values/upper": one("upper"),
    "map-values/with-key": one("with-key"),
    "map/swap": one("swap"),
    "select-key/first-letter": one("first-letter"),
    "flat-map/words": one("words", key=True),
    "flat-map-values/words": one("words"),
    "split/even-third-default": split([("even", 2), ("third", 3)], True),
    "split/no-default": split([("third", 3), ("even", 2)], False),
    "merge/two": [
        source("left"),
        source("right"),
        processor("prefixed", ["right"], op="prefix", text="r:"),
        sink("out", ["left", "prefixed"]),
    ],
    "merge/self-both-branches": [
        source(),
        processor("first", ["in"], op="prefix", text="1:"),
        processor("second", ["in"], op="prefix", text="2:"),
        sink("out", ["first", "second"]),
    ],
    "repartition/of-input": [source(), processor("next", {"from": "in", "repartition": True}, op="pass"), sink("out", ["next"])],
    "repartition/after-select-key": [
        source(),
        processor("words", ["in"], op="words"),
        processor("letter", ["words"], op="first-letter"),
        sink("direct", ["letter"]),
        processor("next", {"from": "letter", "repartition": True}, op="pass"),
        sink("repartitioned", ["next"]),
    ],
    "group-by-key-count/default": aggregate("count"),
    "group-by-key-reduce/concat": aggregate("reduce"),
    "group-by-key-aggregate/concat": aggregate("concat"),
    "table-to-stream/stored": [table("in"), sink("out", ["in"])],
    "stream-table-join/inner/plain": join(False),
    "stream-table-join/left/plain": join(True),
    "stream-table-join/inner/repartitioned-stream": join(False, repartitioned=True),
    "store/key-value/default": [
        source(),
        processor("script", ["in"], component="probe", stores=["rows"], do="store"),
        store("rows"),
        sink("out", ["script"]),
    ],
}
STORES = {"table-to-stream": {"tbl": "in"}, "stream-table-join": {"tbl": "right"}}


def as_records(vector):
    """A store script as records whose values are its operations."""
    pairs = zip(vector["steps"], vector["expect"])
    kept = [(step, rows) for step, rows in pairs if rows != [{"error": "null-argument"}]]
    vector["steps"] = [{"in": "in", "key": None, "value": json.dumps(step), "ts": at} for at, (step, _) in enumerate(kept)]
    vector["expect"] = [rows for _, rows in kept]


def entered(vector):
    """Only the visits' beginnings."""
    vector["expect"] = [
        [{**visit, "out": visit["out"].lower().replace(":", "-")} for visit in visits if visit["out"].endswith(":enter")]
        for visits in vector["expect"]
    ]


def keyed(vector):
    """Without the records that must have a key and have none."""
    repartitioned = vector["name"].startswith("repartition/of-input/")
    inputs = [name for name, source in vector["inputs"].items() if source["kind"] == "table" or repartitioned]
    pairs = zip(vector["steps"], vector["expect"])
    kept = [(step, outputs) for step, outputs in pairs if step.get("in") not in inputs or step["key"] is not None]
    vector["steps"], vector["expect"] = map(list, zip(*kept))


def write(vector, path):
    keyed(vector)
    operator = vector["operator"]
    if operator == "forward-order":
        entered(vector)
    if operator.startswith("store/"):
        as_records(vector)
    renamed = STORES.get(operator, {})
    stores = {renamed.get(name, name): rows for name, rows in vector.get("stores", {}).items()}
    head = {"name": vector["name"], "manifest": "app.toml", "params": vector["params"]}
    lines = [f'"{key}": {json.dumps(item, ensure_ascii=False)}' for key, item in head.items()]
    for key in ("steps", "expect"):
        rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in vector[key])
        lines.append(f'"{key}": [\n{rows}\n]')
    if stores:
        lines.append(f'"stores": {json.dumps(stores, ensure_ascii=False)}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main():
    vectors = Path(sys.argv[1])
    variants = dict(VARIANTS)
    for folder in ("forward-order", "punctuate"):
        for path in sorted((vectors / folder).rglob("corners.json")):
            params = json.loads(path.read_text(encoding="utf-8"))["params"]
            variants[str(path.parent.relative_to(vectors))] = visits(params["nodes"]) if folder == "forward-order" else punctuate(params)
    count = 0
    for variant, parts in variants.items():
        folder = HERE / variant
        folder.mkdir(parents=True, exist_ok=True)
        app = f'[app]\nid = "{variant.replace("/", "-")}"'
        manifest = "\n\n".join([app, *parts]) + "\n"
        guests = "../" * (len(Path(variant).parts) + 1) + "guests/dist"
        (folder / "app.toml").write_text(manifest.replace(GUESTS + "/", guests + "/"), encoding="utf-8")
        for path in sorted((vectors / variant).glob("*.json")):
            vector = json.loads(path.read_text(encoding="utf-8"))
            write(vector, folder / path.name)
            count += 1
    print(f"{len(variants)} manifests, {count} step files")


if __name__ == "__main__":
    main()
