"""Stores asked while the app runs on a cluster: host by host, and where hosts ask each other, through any of them."""
import json
import ssl
import subprocess
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from broker import free_ports
from case import PARTITIONS
from cases.deploys import deploy
from cases.sharing import MISSED_SECONDS, TASKS
from waiting import expect, until

RECORDS = 4000
STORE = "by-airport"
ASK_SECONDS = 30


class Door(NamedTuple):
    """Where a host is asked."""

    url: str
    headers: dict = {}
    tls: ssl.SSLContext | None = None


def each_host_tells_what_its_tasks_have_committed(case):
    """Two hosts share the tasks: together they tell the store as its changelog has it, and each names what it does not have."""
    app = case.flights()
    hosts = [case.host(app, name) for name in "ab"]
    shared = case.share(hosts, TASKS)
    case.produce(app, RECORDS)
    case.settle(app)
    kept = changelog(case, app)
    of_store = {task for tasks in shared.values() for task in tasks if task.startswith("airports_")}
    told = {}
    for host in hosts:
        own, its = asked(case, app, host), of_store & shared[host.name]
        expect(bool(own) == bool(its), f"host {host.name} has {sorted(its)} and tells {len(own)} rows")
        expect(not told.keys() & own.keys(), f"both hosts tell {sorted(told.keys() & own.keys())[:3]}")
        told.update(own)
    expect(told.keys() == kept.keys(), f"{len(told)} keys are told of {len(kept)}")
    # A key whose task is elsewhere is not simply missing.
    rows = asked(case, app, hosts[0])
    elsewhere = next((key for key in told if key not in rows), None)
    if rows and elsewhere:
        refused = query(case, app, hosts[0], elsewhere)
        expect(refused.returncode == 1 and "R122" in refused.stderr, f"asked for {elsewhere}: {refused.stdout}{refused.stderr}")
        expect("run --listen" in refused.stderr, f"no word of how hosts ask each other: {refused.stderr}")
    case.note(f"{len(told)} rows")


def every_host_answers_for_all_of_them(case):
    """Three hosts with a port each share the tasks: whichever is asked, a key and a range are told whole. One is killed: soon again, by both that
    are left."""
    app = case.flights()
    hosts = [case.host(app, name, "--listen", "127.0.0.1:0") for name in "abc"]
    case.share(hosts, TASKS)
    case.produce(app, RECORDS)
    case.settle(app)
    kept = changelog(case, app)
    at = {host.name: door(host) for host in hosts}
    whole = told_by(at["a"], kept)
    expect(whole is not None, "host a does not tell every key")
    for host in hosts:
        expect(told_by(at[host.name], kept) == whole, f"host {host.name} tells other rows than host a")
        ran = query(case, app, host, "--json")
        expect(ran.returncode == 0 and len(ran.stdout.splitlines()) == len(kept), f"`query` at host {host.name}: {ran.stderr}")
        no_row = ask(at[host.name], f"/{quote('nowhere at all')}")
        expect(no_row[0] == 404 and no_row[1]["code"] == "R121" and no_row[1]["hint"] is None, f"of a key without a row: {no_row}")
    forwards_end(app, at)
    gone = case.hosts.pop()
    gone.kill()
    del at[gone.name]
    case.until("what the killed host had is told by the others", MISSED_SECONDS, lambda: all(told_by(a, kept) == whole for a in at.values()))
    case.note(f"{len(kept)} keys, through each of three hosts and, one of them killed, of two")


def hosts_with_tls_know_each_other(case):
    """Two hosts of what is deployed, each with a file that says how it is asked: by certificates and a token that both have, whichever is asked
    tells all. A third one has another token, and is told nothing."""
    app = case.flights()
    deploy(case, app, "--yes")
    certificate = case.world.authority.certificate("localhost")
    hosts = []
    for name in "ab":
        (app.folder / f"peers-{name}.token").write_text("0123456789abcdef" * 4, encoding="utf-8")
        hosts.append(tls_host(case, app, name, certificate))
    case.share(hosts, TASKS)
    case.produce(app, RECORDS)
    case.settle(app)
    kept = changelog(case, app)
    doors = [tls_door(case, host) for host in hosts]
    expect(ask(doors[0]._replace(headers={}))[0] == 401, "a host with TLS tells those who show no token")
    whole = told_by(doors[0], kept)
    expect(whole is not None and told_by(doors[1], kept) == whole, "the hosts do not tell the same of every key")
    hosts.pop().stop()
    (app.folder / "peers-b.token").write_text("fedcba9876543210" * 4, encoding="utf-8")
    hosts.append(tls_host(case, app, "b", certificate))
    case.share(hosts, TASKS)
    refused = [ask(tls_door(case, host))[1] for host in hosts]
    expect(any(answer["missing"] for answer in refused), "hosts with different tokens tell each other everything")
    case.note(f"{len(kept)} keys, through each of two hosts")


def tls_host(case, app, name, certificate):
    """A host of what is deployed, and what its own file says."""
    file = app.folder / f"host-{name}.toml"
    if not file.exists():
        [port] = free_ports(1)
        text = f"""
            [broker]
            kind = "kafka"

            [runtime]
            memory = "64MiB"

            [admin]
            public = "none"
            listen = "127.0.0.1:{port}"
            advertise = "localhost:{port}"
            tls-cert = "{certificate}"
            tls-key = "{certificate}"
            peer-token = "peers-{name}.token"
            peer-ca = "{case.world.authority.ca}"
        """
        file.write_text(text, encoding="utf-8")
    (app.folder / f"peers-{name}.token").chmod(0o600)
    return case.host(app, name, what=["--app", app.id, "--host", file])


def tls_door(case, host):
    line = until(f"host {host.name} says where its admin API is", 30, lambda: host.line("admin API at https://", last=True))
    port = line.partition("https://")[2].partition(",")[0].rpartition(":")[2]
    token = (host.state / "token").read_text(encoding="utf-8").strip()
    return Door(f"https://localhost:{port}", {"Authorization": f"Bearer {token}"}, ssl.create_default_context(cafile=case.world.authority.ca))


def forwards_end(app, at):
    """What one host asks another for is answered by that one or by nobody: it is not passed on again."""
    everything = range(PARTITIONS)
    lacked = {}
    for name, door in at.items():
        status, answer = ask(door, hop=hop(app.id, everything))
        expect(status == 421 or status == 200 and answer["missing"], f"host {name} is to lack something: {status}")
        lacked[name] = set(everything) if status == 421 else set(answer["missing"])
        for partition in lacked[name]:
            status, answer = ask(door, hop=hop(app.id, [partition]))
            expect((status, answer["code"]) == (421, "R122"), f"host {name} answers for partition {partition}, which it lacks: {status}")
    had = [set(everything) - lacks for lacks in lacked.values()]
    expect(sorted(p for has in had for p in has) == list(everything), f"not each partition at one host: {had}")
    status, answer = ask(next(iter(at.values())), hop=hop("another-app", everything))
    expect((status, answer["code"]) == (421, "R122"), f"a query for another app is answered with {status}")


def hop(app, partitions):
    return {"cofferdam-hop": json.dumps({"app": app, "partitions": list(partitions), "bytes": 1 << 20})}


def told_by(door, keys):
    """{key: row} as a host tells the store, the same key by key and in pages; None while it cannot tell of all of them."""
    by_key = {}
    for key in keys:
        status, answer = ask(door, f"/{quote(key, safe='')}")
        if status != 200:
            return None
        [by_key[key]] = answer["rows"]
    rows, after = [], {}
    while after is not None:
        status, answer = ask(door, f"?{urlencode({'limit': 7, **after})}")
        if status != 200 or answer["missing"]:
            return None
        rows += answer["rows"]
        after = {"after": answer["after"]} if answer["after"] else None
    names = [row["key"] for row in rows]
    expect(names == sorted(names) and len(set(names)) == len(names), f"pages are out of order: {names}")
    in_pages = {row["key"]: row for row in rows}
    expect(in_pages == by_key, f"pages and single keys differ: {in_pages.keys() ^ by_key.keys()}")
    return by_key


def ask(door, path="", hop=None):
    """Status and body of an answer; (0, None) where there is none."""
    try:
        asking = Request(f"{door.url}/stores/{STORE}{path}", headers={**door.headers, **(hop or {})})
        with urlopen(asking, timeout=ASK_SECONDS, context=door.tls) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refused:
        return refused.code, json.load(refused)
    except URLError:
        return 0, None


def door(host):
    line = until(f"host {host.name} says where its admin API is", 30, lambda: host.line("admin API at http://"))
    return Door(f"http://{line.partition('http://')[2].partition(',')[0]}")


def changelog(case, app):
    """{key: value} of what the store's changelog holds."""
    file = app.folder / "changelog.jsonl"
    case.client.read(f"{app.id}-{STORE}-changelog", file)
    records = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    last = {record["key"]: record["value"] for record in records}
    return {key: value for key, value in last.items() if value is not None}


def query(case, app, host, *args):
    command = [case.cofferdam, "query", app.manifest, STORE, *args, "--state-dir", host.state, "--bootstrap", case.broker.bootstrap]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def asked(case, app, host):
    """{key: row} of all that a host has; nothing where all tasks of the store are elsewhere."""
    ran = query(case, app, host, "--json")
    expect(ran.returncode == 0 or "R122" in ran.stderr, f"host {host.name}: {ran.stderr}")
    return {row["key"]: row for row in map(json.loads, ran.stdout.splitlines())}
