"""Apps that are deployed: published once, run by hosts that have no file of them."""
import os
import pty
import re
import subprocess
from collections import Counter
from datetime import datetime, timezone
from unittest.mock import patch

from app import ROOT
from case import moment
from load import lines
from waiting import expect

PARTITIONS = 4
WORDS = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(400)]
CONVERGE_SECONDS = 60


def word_count(case):
    """The word count with several partitions."""
    manifest = (ROOT / "examples/word-count/kafka.toml").read_text(encoding="utf-8")
    return case.app("word-count", manifest=f"{manifest}\n[topics.lines]\npartitions = {PARTITIONS}\n")


def deploy(case, app, *flags):
    return case.run("deploy", app.manifest, "--bootstrap", case.broker.bootstrap, *flags)


def count_again(case, app):
    """Each word once more."""
    case.client.produce(app.topic("lines"), [{"value": word, "partition": at % PARTITIONS} for at, word in enumerate(WORDS)])
    case.settle(app)


def counted(case, app, topic, times):
    """Each word has been counted so often, each time once."""
    file = case.folder / f"{topic}.jsonl"
    case.client.read(app.topic(topic), file)
    counts = Counter((record["key"], record["value"]) for record in lines(file))
    expect(len(counts) == counts.total() == times * len(WORDS), f"{topic}: {counts.total()} records, {len(counts)} different ones; {counts.most_common(3)}")


def digest(host):
    processors = host.status().get("processors")
    return processors[0]["digest"] if processors else None


def what_is_deployed_is_run_and_followed_by_every_host(case):
    app = word_count(case)
    shown = deploy(case, app, "--dry-run")
    expect("nothing is published yet" in shown and "+ node count" in shown and "--dry-run" in shown, shown)
    expect("deployment 1 is published" in deploy(case, app, "--yes"), "the first deployment")
    expect("deployment 1 is the same" in deploy(case, app, "--yes"), "the same again")
    hosts = [case.host(app, name, what=["--app", app.id, "--public", "none"]) for name in ("a", "b", "c")]
    case.share(hosts, PARTITIONS)
    count_again(case, app)
    counted(case, app, "counts", 1)

    # Another component: it takes over in place.
    before = digest(hosts[0])
    component = (app.folder / "components/word_count.wasm").read_bytes()
    (app.folder / "other.wasm").write_bytes(component + b"\x00\x05\x04note")
    manifest = app.manifest.read_text(encoding="utf-8")
    app.manifest.write_text(manifest.replace("components/word_count.wasm", "other.wasm"), encoding="utf-8")
    shown = deploy(case, app, "--yes")
    expect("~ node count: component" in shown and "in place" in shown and "deployment 2 is published" in shown, shown)
    case.until("every host has the other component", CONVERGE_SECONDS, lambda: all(digest(host) not in (None, before) for host in hosts))
    count_again(case, app)
    counted(case, app, "counts", 2)
    expect(all(host.log.read_text(encoding="utf-8").count(" running app=") == 1 for host in hosts), "no host began anew")

    # A host of another graph does not get in between.
    own = app.folder / "own.toml"
    more = f'\n[sinks.more]\ntopic = "{app.topic("more")}"\nfrom = ["count"]\n'
    own.write_text(app.manifest.read_text(encoding="utf-8") + more, encoding="utf-8")
    at = ["--bootstrap", case.broker.bootstrap, "--state-dir", case.folder / "own", "--create-topics"]
    alone = subprocess.run([case.cofferdam, "run", own, *at], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    expect(alone.returncode == 2 and "R105" in alone.stderr and "different are" in alone.stderr, f"{alone.returncode}: {alone.stderr}")

    # Another graph, and a topic of it that is missing: the plan says so, and hosts work on as they are until it is there. Then they begin anew, with
    # their state.
    manifest = app.manifest.read_text(encoding="utf-8")
    app.manifest.write_text(f'{manifest}\n[sinks.copies]\ntopic = "{app.topic("copies")}"\nfrom = ["count"]\n', encoding="utf-8")
    shown = deploy(case, app, "--yes")
    expect("+ node copies" in shown and f"! topic {app.topic('copies')} does not exist" in shown, shown)
    for host in hosts:
        case.until("every host says what is missing", CONVERGE_SECONDS, lambda: "deployment 2 runs on: B001" in host.log.read_text(encoding="utf-8"))
    count_again(case, app)
    counted(case, app, "counts", 3)
    case.client.create_topics({app.topic("copies"): (1, {})})
    for host in hosts:
        case.until("every host has begun anew", CONVERGE_SECONDS, lambda: "version=3" in host.log.read_text(encoding="utf-8"))
    case.share(hosts, PARTITIONS)
    count_again(case, app)
    counted(case, app, "counts", 4)
    counted(case, app, "copies", 1)
    for host in hosts:
        host.stop()


def of_two_deployers_one_is_told(case):
    app = word_count(case)
    terminal, other_end = pty.openpty()
    command = [case.cofferdam, "deploy", app.manifest, "--bootstrap", case.broker.bootstrap]
    with subprocess.Popen(command, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        case.stack.callback(first.kill)
        # It has made its plan when it asks.
        asked = ""
        while "[y/N]" not in asked:
            letter = first.stderr.read(1)
            expect(letter, f"it ended without a question: {asked}")
            asked += letter
        expect("deployment 1 is published" in deploy(case, app, "--yes"), "the second deployer")
        os.write(terminal, b"y\n")
        said = first.stderr.read()
        first.wait()
    os.close(terminal)
    os.close(other_end)
    expect(first.returncode == 2 and "R102" in said and "planned on none, is 1" in said, f"{first.returncode}: {said}")


def of_deployers_at_once_each_is_told_the_truth(case):
    app = word_count(case)
    manifest = app.manifest.read_text(encoding="utf-8")
    published, told = 0, 0
    for round in range(6):
        deployers = []
        for name in ("one", "two", "three"):
            file = app.folder / f"{name}.toml"
            file.write_text(f"# {name}, {round}\n{manifest}", encoding="utf-8")
            command = [case.cofferdam, "deploy", file, "--bootstrap", case.broker.bootstrap, "--yes"]
            deployers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            case.stack.callback(deployers[-1].kill)
        for deployer in deployers:
            out, err = deployer.communicate(timeout=60)
            if deployer.returncode == 0:
                published += 1
            else:
                told += 1
                expect("R102" in err, err)
        # As many numbers as publications: none was given twice.
        shown = deploy(case, app, "--dry-run")
        expect(f"(planned on {published})" in shown, f"{published} were published: {shown}")
    case.note(f"{published} published, {told} told that somebody else was first")
    expect(told, "nobody was ever in another one's way")


def at(line):
    """The time of a line of a host's log."""
    return datetime.fromisoformat(line.split()[0])


def three_hosts_converge_on_a_component_that_is_slow_to_compile(case):
    app = word_count(case)
    deploy(case, app, "--yes")
    # Each compiles for itself, as on a machine of its own.
    hosts = []
    for name in ("a", "b", "c"):
        own = {"COFFERDAM_CACHE": str(case.folder / f"cache-{name}"), "COFFERDAM_LOG": "info,cofferdam::sandbox=debug"}
        with patch.dict(os.environ, own):
            hosts.append(case.host(app, name, what=["--app", app.id, "--public", "none"]))
    case.share(hosts, PARTITIONS)
    component = (app.folder / "components/word_count.wasm").read_bytes()
    (app.folder / "other.wasm").write_bytes(component + b"\x00\x05\x04note")
    app.manifest.write_text(app.manifest.read_text(encoding="utf-8").replace("components/word_count.wasm", "other.wasm"), encoding="utf-8")
    deploy(case, app, "--yes")
    published = datetime.now(timezone.utc)
    taken = [case.until("the host has taken it", CONVERGE_SECONDS, lambda: host.line("deployed: taken in place")) for host in hosts]
    compiled = [float(re.search(r"compiled in (\d+) ms", host.line("compiled in", last=True))[1]) / 1000 for host in hosts]
    converged = max((at(line) - published).total_seconds() for line in taken)
    case.note(f"three hosts converged {converged:.2f} s after the publication; the slowest compiled for {max(compiled):.2f} s: {converged - max(compiled):.2f} s besides")
    for host in hosts:
        host.stop()


def a_host_of_another_graph_waits_and_says_how_to_roll(case):
    app = word_count(case)
    host = case.host(app, "a")
    host.wait_for_tasks(PARTITIONS)
    graphs = {member["client"].split("/")[1] for member in case.client.members(app.id)}
    expect(len(graphs) == 1, f"the members of a host announce one graph: {graphs}")
    own = app.folder / "own.toml"
    more = f'\n[sinks.more]\ntopic = "{app.topic("more")}"\nfrom = ["count"]\n'
    own.write_text(app.manifest.read_text(encoding="utf-8") + more, encoding="utf-8")
    flags = ["--create-topics", "--state-dir", app.folder / "own", "--instance-id", "own"]
    command = [case.cofferdam, "run", own, "--bootstrap", case.broker.bootstrap, *flags]
    alone = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    expect(alone.returncode == 2 and "R106" in alone.stderr and "waits for members of the group" in alone.stderr, f"{alone.returncode}: {alone.stderr}")
    count_again(case, app)
    counted(case, app, "counts", 1)
    # The same host with another graph: what the group remembers of it is over first, so that nobody takes the new one for the old one.
    host.stop()
    app.manifest.write_text(own.read_text(encoding="utf-8"), encoding="utf-8")
    case.client.create_topics({app.topic("more"): (1, {})})
    case.hosts.clear()
    again = case.host(app, "a")
    began = moment()
    again.wait_for_tasks(PARTITIONS, CONVERGE_SECONDS)
    now = {member["client"].split("/")[1] for member in case.client.members(app.id)}
    expect(len(now) == 1 and now != graphs, f"the group knows another graph: {now}, before {graphs}")
    case.note(f"a host with another graph had its tasks {moment() - began:.1f} s after its restart")
