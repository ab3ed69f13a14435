"""What comes out is what comes out on the embedded log."""
import json
from collections import Counter

from app import ROOT
from load import lines
from waiting import expect


def run_both(case, example, inputs, outputs):
    """Runs an example on the embedded log and on Kafka. Answers the app on Kafka, and the files {output: (embedded, Kafka)}."""
    source = ROOT / "examples" / example
    given = [arg for name, file in inputs.items() for arg in ("--input", f"{name}={file}")]
    files = {name: (case.folder / f"{name}.embedded.jsonl", case.folder / f"{name}.kafka.jsonl") for name in outputs}

    def to(which):
        return [arg for name in outputs for arg in ("--output", f"{name}={files[name][which]}")]

    case.run("run", source / "app.toml", "--state-dir", case.folder / "embedded", *given, *to(0), "--until-idle")
    app = case.app(example)
    at = ["--bootstrap", case.broker.bootstrap, "--state-dir", case.folder / "kafka", "--yes"]
    case.run("run", app.manifest, *at, *given, *to(1), "--until-idle")
    return app, files


def table(file):
    return {record["key"]: record["value"] for record in lines(file)}


def as_printed(file):
    """Records of an output file as the console consumer prints them, in any order."""

    def text(value):
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True)

    return Counter(f"{record['key']}\t{text(record['value'])}" for record in lines(file))


def expect_console(case, topic, file, parsed):
    """Kafka's console consumer sees what the host wrote to a file. `parsed`: values are JSON, to be compared as such."""
    expected = as_printed(file)
    printed = case.broker.console_consumer(topic, expected.total())
    if parsed:
        pairs = (line.split("\t", 1) for line in printed)
        printed = [f"{key}\t{json.dumps(json.loads(value), sort_keys=True)}" for key, value in pairs]
    expect(Counter(printed) == expected, f"the console consumer sees {len(printed)} other records in {topic} than {file} has")


def flights_are_what_the_embedded_log_gives(case):
    example = ROOT / "examples/flights"
    inputs = {"airports": example / "airports.jsonl", "flights": example / "flights.jsonl"}
    app, files = run_both(case, "flights", inputs, ["stats", "alerts"])
    for which in (0, 1):
        case.check_flights(inputs["flights"], inputs["airports"], files["stats"][which], files["alerts"][which])
    expect(table(files["stats"][0]) == table(files["stats"][1]), "the last statistics differ")
    expect(as_printed(files["alerts"][0]) == as_printed(files["alerts"][1]), "the alerts differ")
    expect_console(case, app.topic("airport-stats"), files["stats"][1], parsed=True)
    expect_console(case, app.topic("flight-alerts"), files["alerts"][1], parsed=True)
    lag = sum(app.lag().values())
    expect(lag == 0, f"the app ended as idle, and has not committed {lag} records")


def words_are_what_the_embedded_log_gives(case):
    app, files = run_both(case, "word-count", {"lines": ROOT / "LICENSE"}, ["counts"])
    embedded, kafka = files["counts"]
    expect(table(embedded) == table(kafka), "the counts differ")
    expect_console(case, app.topic("counts"), kafka, parsed=False)
    case.note(f"{len(table(kafka))} words")
