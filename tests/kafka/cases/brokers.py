"""What a broker does to the hosts: it goes away, wants TLS, deletes what is old."""
import subprocess
import time

from broker import PASSWORD, USER, Broker, free_ports
from case import moment, partitions_of
from client import Client
from far import Way
from load import lines
from tls import Authority
from waiting import expect, last_lines, until

TASKS = 8
# Until every task goes on, from when the broker is back.
BACK_SECONDS = 20
# Until a host gives up a broker whose certificate it does not believe.
REFUSED_SECONDS = 60
# Until a host tells that nobody answers, and until it hears of the broker that came.
PATIENT_SECONDS = 30
WAITS = "no answer of the cluster yet"
WAITED_FOR = 1000
# A host asks who is in its group every ten seconds, and waits as long for the answer.
LONG_AWAY_SECONDS = 13
# Deletes all that is older than a second, unless its topic says otherwise.
DELETES = {
    "log.retention.ms": 1000,
    "log.retention.check.interval.ms": 1000,
    "log.initial.task.delay.ms": 1000,
    "log.segment.bytes": 1 << 20,
    "log.segment.delete.delay.ms": 100,
}
BACKLOG = 60_000
# One way, as to a cluster on the other side of the world.
FAR_SECONDS = 0.15
DELETED_SECONDS = 30


def a_broker_that_restarts_loses_nothing(case):
    gone_and_back(case, case.broker.stop)


def a_broker_that_is_killed_loses_nothing(case):
    gone_and_back(case, case.broker.kill)


def gone_and_back(case, go):
    app = case.flights()
    watch = case.watch(app)
    shared = case.share([case.host(app, name) for name in "ab"], TASKS)
    load = case.load(app)
    everything = partitions_of(app, shared["a"] | shared["b"])
    watch.wait_for_moves(everything, moment(), 20)
    began = moment()
    go()
    case.broker.start()
    back = moment()
    again = watch.wait_for_moves(everything, back, BACK_SECONDS)
    case.note(f"away for {back - began:.1f} s; every task goes on {again:.1f} s later")
    case.outcome(app, load.stop())


def hosts_outlive_a_broker_that_is_away_for_long(case):
    """Longer than anybody waits for an answer: what was asked of the group's coordinator meanwhile ends no process when it is back."""
    gone_and_back(case, lambda: (case.broker.kill(), time.sleep(LONG_AWAY_SECONDS)))
    for host in case.hosts:
        host.must_live()


def a_host_waits_for_its_broker(case):
    """Its cluster may start along with it, or later."""
    app = case.flights()
    case.broker.stop()
    hosts = [case.host(app, name) for name in "ab"]
    for host in hosts:
        case.until(f"host {host.name} says what it waits for; see {host.log}", PATIENT_SECONDS, lambda log=host.log: WAITS in log.read_text())
    stays, leaves = hosts
    # Told to stop while it waits, it ends well.
    leaves.stop()
    case.hosts.remove(leaves)
    case.broker.start()
    case.produce(app, WAITED_FOR)
    stays.wait_for_tasks(TASKS, PATIENT_SECONDS)
    case.outcome(app, WAITED_FOR)


def counting(case, bootstrap, settings, part=""):
    """The word count with these settings of its clients, and the command that runs it on such a listener."""
    app = case.app("word-count", part, client_settings=settings)
    text = app.folder / "lines.txt"
    text.write_text("to be or not to be\n", encoding="utf-8")
    at = ["--bootstrap", bootstrap, "--state-dir", app.folder / "state"]
    files = ["--input", f"lines={text}", "--output", f"counts={app.folder}/counts.jsonl"]
    return app, ["run", app.manifest, *at, "--yes", *files, "--until-idle"]


def expect_counts(app):
    counts = {record["key"]: record["value"] for record in lines(app.folder / "counts.jsonl")}
    expect(counts == {"to": "2", "be": "2", "or": "1", "not": "1"}, f"counted: {counts}")


def a_broker_that_is_far_away_is_worked_with(case):
    """Whoever wants transactions has to ask half a dozen times, one after the other, before the first of them."""
    jars, ports = case.world.jars, free_ports(2)
    with Broker(case.folder / "broker", jars, far=ports) as broker, Client(jars, broker.bootstrap, case.folder / "client.log") as client:
        case.use(broker, client)
        with Way(port=ports[1], to=ports[0], seconds=FAR_SECONDS):
            app, command = counting(case, f"127.0.0.1:{ports[1]}", {})
            began = moment()
            case.run(*command)
            case.note(f"over {2 * FAR_SECONDS:.1f} s there and back in {moment() - began:.0f} s")
            expect_counts(app)


def trusting(case, authority):
    """Believes brokers of this authority alone."""
    return counting(case, case.broker.tls_bootstrap, {"security.protocol": "ssl", "ssl.ca.location": str(authority.ca)})


def a_broker_with_tls_is_known_by_its_authority(case):
    app, command = trusting(case, case.world.authority)
    case.run(*command)
    expect_counts(app)


def a_name_and_a_password_let_the_host_in(case):
    """By both mechanisms; the settings come from the manifest, and from a file."""
    settings = {"security.protocol": "sasl_plaintext", "sasl.username": USER, "sasl.password": PASSWORD}
    app, command = counting(case, case.broker.sasl_bootstrap, {**settings, "sasl.mechanism": "PLAIN"}, "plain")
    case.run(*command)
    expect_counts(app)
    app, command = counting(case, case.broker.sasl_bootstrap, None, "scram")
    file = app.folder / "client.properties"
    text = "".join(f"{key}={value}\n" for key, value in {**settings, "sasl.mechanism": "SCRAM-SHA-256"}.items())
    file.write_text(f"# Made for a test.\n{text}", encoding="utf-8")
    case.run(*command, "--client-config", file)
    expect_counts(app)


def a_broker_of_a_foreign_authority_is_refused(case):
    app, command = trusting(case, Authority(case.folder / "foreign"))
    refused = subprocess.run(
        [case.cofferdam, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=REFUSED_SECONDS
    )
    said = last_lines(refused.stderr)
    expect(refused.returncode == 1, f"a broker of a foreign authority: ended with {refused.returncode}\n{said}")
    expect("certificate verify failed" in refused.stderr, f"nothing is said of the certificate:\n{said}")
    topic = app.topic("lines")
    expect(case.client.bounds([topic])[topic, 0] == (0, 0), "a record went to a broker that is not believed")


def old_flights_survive_a_broker_that_deletes(case):
    """Flights of 2001 wait in the repartition topic while the broker deletes what is older than a second."""
    jars, log = case.world.jars, case.folder / "client.log"
    with Broker(case.folder / "broker", jars, DELETES) as broker, Client(jars, broker.bootstrap, log) as client:
        case.use(broker, client)
        app = case.flights(retention_ms="-1")
        case.produce(app, BACKLOG)
        watch, host = case.watch(app), case.host(app, "a", "--threads", "1")
        host.wait_for_tasks(TASKS)
        [edge] = app.repartition_topics()

        def waiting():
            return sum(lag for (topic, _), lag in app.lag().items() if topic == edge)

        case.until("flights wait in the repartition topic", 20, waiting)
        watch.stop()
        host.stop()
        left = waiting()
        expect(left > 0, "nothing waits in the repartition topic, so that this shows nothing")
        delete_what_is_old(client)
        expect(client.config(edge)["retention.ms"] == "-1", f"{edge} would be deleted")
        expect(waiting() == left, f"{left} records waited in {edge}; the broker left {waiting()}")
        case.note(f"{left} flights of 2001 waited in the repartition topic")
        host.start()
        case.outcome(app, BACKLOG)


def delete_what_is_old(client):
    """Waits until the broker has gone over its topics: a record of 2001 in a topic that follows its defaults is deleted."""
    client.create_topics({"proof": (1, {})})
    client.produce("proof", [{"value": "old", "timestamp": 978_307_200_000}])
    until("the broker deletes a record of 2001", DELETED_SECONDS, lambda: client.bounds(["proof"])["proof", 0] == (1, 1))
