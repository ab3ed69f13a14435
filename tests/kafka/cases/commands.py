"""The commands beside `run`, and what README.md says of Kafka."""
import json
import os
import re
import shutil
import subprocess

from app import ROOT
from waiting import expect

# A block of README.md that is run here. The manifest that it runs has Kafka's usual address, for which the broker's is put in.
SHOWN = re.compile(r"<!-- run beside Kafka -->\n+```sh\n(.*?)```\n", re.DOTALL)
USUAL = "localhost:9092"
COMMANDS_SECONDS = 120


def commands_reach_the_broker(case):
    """`produce`, `consume` and `status` speak to Kafka, with no host there and beside one."""
    app = case.app("word-count")
    at = [app.manifest, "--bootstrap", case.broker.bootstrap, "--state-dir", app.folder / "state-a"]
    text = app.folder / "lines.txt"
    text.write_text("to be or not to be\n", encoding="utf-8")
    case.run("produce", *at, "lines", text)
    alone = json.loads(case.run("status", *at, "--json"))
    expect(not alone["running"], f"no host is there, and status says {alone}")
    ends = {(p["topic"], p["committed"], p["end"]) for p in alone["partitions"]}
    expect(ends == {(app.topic("lines"), 0, 1)}, f"before the app ran, status says {alone['partitions']}")

    host = case.host(app, "a")
    host.wait_for_tasks(1)
    case.run("produce", *at, "lines", text)
    case.settle(app)
    beside = json.loads(case.run("status", *at, "--json"))
    ends = {(p["topic"], p["committed"], p["end"]) for p in beside["partitions"]}
    expect(beside["running"] and ends == {(app.topic("lines"), 2, 2)}, f"beside a host, status says {beside}")
    counts = {record["key"]: record["value"] for record in map(json.loads, case.run("consume", *at, "counts").splitlines())}
    expect(counts == {"to": "4", "be": "4", "or": "2", "not": "2"}, f"consume shows {counts}")


def the_readme_says_how_to_run_on_kafka(case):
    shown = "".join(SHOWN.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    expect("cofferdam run" in shown, "README.md shows no command beside Kafka")
    shutil.copytree(ROOT / "examples/word-count", case.folder / "examples/word-count", ignore=shutil.ignore_patterns(".cofferdam"))
    shutil.copy(ROOT / "LICENSE", case.folder)
    manifest = case.folder / "examples/word-count/kafka.toml"
    text = manifest.read_text(encoding="utf-8")
    expect(USUAL in text, f"{manifest} has another bootstrap than {USUAL}")
    manifest.write_text(text.replace(USUAL, case.broker.bootstrap), encoding="utf-8")
    path = os.pathsep.join([os.path.dirname(case.cofferdam), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", shown],
        cwd=case.folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMANDS_SECONDS,
    )
    expect(ran.returncode == 0, f"README.md's commands ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
