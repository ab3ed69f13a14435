"""Components that change while the app runs: host/tests/swap on Kafka; and many swaps under a steady load, in which each record gets the name of
the version that it met."""
import os
import re
import subprocess
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

from app import ROOT
from case import moment
from load import lines
from steady import Steady, ordinal
from waiting import expect, until

SECONDS = 900


def swap_test(case, name):
    environment = {**os.environ, "COFFERDAM_TEST_BOOTSTRAP": case.broker.bootstrap}
    command = ["cargo", "test", "--quiet", "--package", "cofferdam", "--test", "swap", name, "--", "--nocapture"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    expect(ran.returncode == 0, f"{ran.stdout}{ran.stderr}")
    expect("1 passed" in ran.stdout, f"the test was not run:\n{ran.stdout}")
    case.figures.extend(re.findall(r"^(?:\d+ swaps|rolled back).*$", ran.stdout, re.MULTILINE))


def swaps_under_load_lose_and_double_nothing(case):
    swap_test(case, "swaps_under_load_lose_nothing_and_double_nothing")


def a_component_that_traps_is_rolled_back(case):
    swap_test(case, "a_component_that_traps_at_one_record_in_a_hundred_is_rolled_back_and_nobody_notices")


PARTITIONS = 4
# Records a second, of all partitions together.
RATE = 20_000
SWAPS = int(os.environ.get("COFFERDAM_SWAPS", "1000"))
# A name is written into a version's bytes in the place of this one.
NAME = b"name-of-version-"
MANIFEST = f"""[app]
id = "named"

[broker]
kind = "kafka"

[runtime]
threads = 2

[topics.in]
partitions = {PARTITIONS}

[topics.out]
partitions = {PARTITIONS}

[sources.in]
topic = "in"

[processors.p]
component = "one.wasm"
from = ["in"]
on-error = "skip"

[sinks.out]
topic = "out"
from = ["p"]
"""
CATCH_UP_SECONDS = 120
ROLL_BACK_SECONDS = 60


def version(app, name):
    """A version of the component that gives records this name."""
    whole = (ROOT / "tests/guests/dist/namer.wasm").read_bytes()
    expect(whole.count(NAME) == 1, "the component names its version once")
    file = app.folder / f"{name}.wasm"
    file.write_bytes(whole.replace(NAME, name.encode().ljust(len(NAME), b"-")))
    return file


@contextmanager
def named_under_load(case):
    """A host whose records get the name of its version, under a steady load."""
    app = case.app("word-count", part="named", manifest=MANIFEST)
    one = version(app, "one")
    host = case.host(app, "a")
    host.wait_for_tasks(PARTITIONS)
    load = Steady(case.client, app.topic("in"), PARTITIONS, RATE)
    case.stack.callback(load.told.set)
    yield SimpleNamespace(app=app, host=host, load=load, one=one)


def swap(case, run, component):
    """Swaps it in. Answers for how long a thread processed nothing, in milliseconds."""
    where = ["--bootstrap", case.broker.bootstrap, "--state-dir", run.host.state]
    told = case.run("swap", run.app.manifest, "p", component, *where)
    waited = re.search(r"records waited (\d+) (us|ms|s) at most", told)
    expect(waited, f"nothing was swapped: {told}")
    return int(waited[1]) * {"us": 0.001, "ms": 1, "s": 1000}[waited[2]]


def named_once(case, run, names, may=()):
    """Each record of the source, by partition and offset, came out once, and under one of these names, each of which has records; or under one that
    may have none."""
    sent = run.load.stop()
    expect(sum(sent.values()) == sum(end for _, end in case.client.bounds([run.app.topic("in")]).values()), "the source has what was sent")
    case.settle(run.app, CATCH_UP_SECONDS)
    file = run.app.folder / "out.jsonl"
    case.client.read(run.app.topic("out"), file)
    seen, counts = {partition: bytearray(count) for partition, count in sent.items()}, Counter()
    doubled = astray = 0
    for record in lines(file):
        partition, offset = ordinal(record["key"])
        if record["value"] not in {*names, *may} or partition not in seen or offset >= len(seen[partition]):
            astray += 1
            continue
        doubled += seen[partition][offset]
        seen[partition][offset] = 1
        counts[record["value"]] += 1
    lost = sum(len(each) - sum(each) for each in seen.values())
    expect(not (lost or doubled or astray), f"{lost} lost, {doubled} doubled, {astray} under a name that no version has: {dict(counts)}")
    expect(all(counts[name] for name in names), f"not every version had a record: {dict(counts)}")
    return sent, counts


def a_thousand_swaps_under_a_steady_load_lose_and_double_nothing(case):
    with named_under_load(case) as run:
        other = version(run.app, "two")
        began, waited = moment(), []
        for turn in range(SWAPS):
            waited.append(swap(case, run, run.one if turn % 2 else other))
        seconds = moment() - began
        rate = sum(run.load.sent.values()) / (moment() - run.load.began)
        sent, counts = named_once(case, run, {"one", "two"})
        waited.sort()
        at = [f"{waited[(len(waited) - 1) * percent // 100]:.1f} ms ({percent} %)" for percent in (50, 99, 100)]
        case.note(f"{SWAPS} swaps in {seconds:.0f} s under {rate:.0f} records/s; for a swap records waited at most {', '.join(at)}")
        case.note(f"{sum(sent.values())} records, none lost or doubled, each with one name: {dict(counts)}")
        expect(not (run.host.status()["processors"][0]["rolled_back"]), "no version was taken back")


def a_version_that_traps_is_taken_back_under_a_steady_load(case):
    with named_under_load(case) as run:
        # A share of the records that nobody could call an accident, before.
        until("the first version has had records", ROLL_BACK_SECONDS, lambda: sum(run.load.sent.values()) > RATE)
        swap(case, run, version(run.app, "trap"))
        began = moment()
        status = until(
            "the version that traps is taken back", ROLL_BACK_SECONDS, lambda: [p for p in run.host.status().get("processors", []) if p["rolled_back"]]
        )
        case.note(f"taken back {moment() - began:.2f} s after the swap, looks included: {status[0]['rolled_back']}")
        # Whatever it did before its first trap was taken back with it.
        named_once(case, run, {"one"}, may={"trap"})
