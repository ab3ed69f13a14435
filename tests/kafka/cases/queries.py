"""Stores asked while the app runs on a cluster, host by host."""
import json
import subprocess

from cases.sharing import TASKS
from waiting import expect

RECORDS = 4000
STORE = "by-airport"


def each_host_tells_what_its_tasks_have_committed(case):
    """Two hosts share the tasks: together they tell the store as its changelog has it, and each names what it does not have."""
    app = case.flights()
    hosts = [case.host(app, name) for name in "ab"]
    shared = case.share(hosts, TASKS)
    case.produce(app, RECORDS)
    case.settle(app)
    changelog = app.folder / "changelog.jsonl"
    case.client.read(f"{app.id}-{STORE}-changelog", changelog)
    kept = {}
    for line in changelog.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        kept[record["key"]] = record["value"]
    of_store = {task for tasks in shared.values() for task in tasks if task.startswith("airports_")}
    told = {}
    for host in hosts:
        own, its = asked(case, app, host), of_store & shared[host.name]
        expect(bool(own) == bool(its), f"host {host.name} has {sorted(its)} and tells {len(own)} rows")
        expect(not told.keys() & own.keys(), f"both hosts tell {sorted(told.keys() & own.keys())[:3]}")
        told.update(own)
    expect(told.keys() == {key for key, value in kept.items() if value is not None}, f"{len(told)} keys are told of {len(kept)}")
    # A key whose task is elsewhere is not simply missing.
    rows = asked(case, app, hosts[0])
    elsewhere = next((key for key in told if key not in rows), None)
    if rows and elsewhere:
        refused = query(case, app, hosts[0], elsewhere)
        expect(refused.returncode == 1 and "R122" in refused.stderr, f"asked for {elsewhere}: {refused.stdout}{refused.stderr}")
    case.note(f"{len(told)} rows")


def query(case, app, host, *args):
    command = [case.cofferdam, "query", app.manifest, STORE, *args, "--state-dir", host.state, "--bootstrap", case.broker.bootstrap]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def asked(case, app, host):
    """{key: row} of all that a host has; nothing where all tasks of the store are elsewhere."""
    ran = query(case, app, host, "--json")
    expect(ran.returncode == 0 or "R122" in ran.stderr, f"host {host.name}: {ran.stderr}")
    return {row["key"]: row for row in map(json.loads, ran.stdout.splitlines())}
