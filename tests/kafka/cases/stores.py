"""Stores whose rows have times, and a broker that deletes what is old."""
import shutil

from broker import Broker
from cases.brokers import DELETED_SECONDS, DELETES, delete_what_is_old
from client import Client
from load import lines
from waiting import expect, until

KEYS, WRITES = 40, 800
OF_2001 = 978_307_200_000
DAY_MS = 86_400_000
# Of a topic that is compacted, too, the cleaner deletes what is old; it looks around as often as it is told to.
CLEANS = {**DELETES, "log.cleaner.backoff.ms": 200}
KINDS = {"windows": "compact,delete", "sessions": "compact,delete", "versions": "compact"}


def windows_of_2001_survive_a_broker_that_deletes(case):
    """What is written has times of 2001; the broker deletes each second what is older than an hour. By the times of the rows all would go."""
    jars, log = case.world.jars, case.folder / "client.log"
    with Broker(case.folder / "broker", jars, CLEANS) as broker, Client(jars, broker.bootstrap, log) as client:
        case.use(broker, client)
        app = case.app("../tests/kafka/keeper", "keeper", retention_ms="-1")
        host = case.host(app, "a", "--threads", "1")
        host.wait_for_tasks(1)
        changelogs = {kind: f"{app.id}-kept-{kind}-changelog" for kind in KINDS}
        own = {topic: expect_settings(client, kind, topic) for kind, topic in changelogs.items()}
        for topic in own:
            client.alter(topic, {"retention.ms": "3600000", "segment.ms": "1000"})
        minutes = [{"key": f"k{n % KEYS}", "value": f"v{n}", "timestamp": OF_2001 + n * 60_000} for n in range(WRITES)]
        client.produce(app.topic("writes"), minutes)
        before = ask(case, app)
        for kind, rows in before.items():
            expect(len(rows) == WRITES, f"{len(rows)} {kind} are kept of {WRITES}")
        delete_what_is_old(client)
        clean_what_is_old(client)
        for topic, (first, end) in ((topic, client.bounds([topic])[topic, 0]) for topic in own):
            expect((first, end >= WRITES) == (0, True), f"{topic} reaches from {first} to {end}")
        host.stop()
        for topic, settings in own.items():
            client.alter(topic, settings)
        shutil.rmtree(host.state)
        host.start()
        after = ask(case, app)
        for kind, rows in before.items():
            expect(after[kind] == rows, f"of {len(rows)} {kind} {len(set(after[kind]) & set(rows))} came back")
        case.note(f"{sum(map(len, after.values()))} rows of 2001 came back")


def clean_what_is_old(client):
    """Waits until the broker has gone over its compacted topics twice, so once over all of them."""
    topic = "compacted-proof"
    client.create_topics({topic: (1, {"cleanup.policy": "compact,delete", "retention.ms": "3600000"})})
    for count in (1, 2):
        client.produce(topic, [{"key": "k", "value": "old", "timestamp": OF_2001}])
        gone = (count, count)
        until("the cleaner deletes a record of 2001", DELETED_SECONDS, lambda: client.bounds([topic])[topic, 0] == gone)


def expect_settings(client, kind, topic):
    """Holds a changelog's settings against what they should be. Answers those that the case changes."""
    config = client.config(topic)
    expected = {
        "cleanup.policy": KINDS[kind],
        "message.timestamp.type": "LogAppendTime",
        "message.timestamp.after.max.ms": str(2**63 - 1),
        "min.compaction.lag.ms": str(2 * DAY_MS) if kind == "versions" else "0",
        "retention.ms": "-1" if kind == "versions" else str(2 * DAY_MS),
    }
    differing = {key: config[key] for key, value in expected.items() if config[key] != value}
    expect(not differing, f"{topic} has {differing}")
    return {"retention.ms": expected["retention.ms"], "segment.ms": config["segment.ms"]}


def ask(case, app):
    """What is kept of all keys: {kind: rows}."""
    last = OF_2001 + WRITES * 60_000
    starts = {kind: case.client.bounds([app.topic(kind)])[app.topic(kind), 0][1] for kind in KINDS}
    case.client.produce(app.topic("writes"), [{"key": f"k{key}", "timestamp": last} for key in range(KEYS)])
    case.settle(app)
    kept = {}
    for kind, start in starts.items():
        file = app.folder / f"{kind}.jsonl"
        case.client.read(app.topic(kind), file)
        kept[kind] = sorted(f"{record['key']} {record['value']}" for record in lines(file) if record["offset"] >= start)
    return kept
