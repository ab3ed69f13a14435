"""What a host does about errors, row by row of its table (host/src/runtime/errors.rs), where a real broker can be made to give them."""
import shutil
import subprocess

from broker import PASSWORD, USER, Broker
from case import moment, partitions_of
from cases.brokers import counting, expect_counts
from client import Client
from load import lines
from waiting import expect, last_lines, until

TASKS = 8
# Shorter than a host's own, so that a sleeper is missed soon.
SHORT = {"session.timeout.ms": 6000, "transaction.timeout.ms": 6000}
# Session, transaction, and the coordinator, which looks for old transactions each 10 s.
MISSED_SECONDS = 60
GIVES_UP_SECONDS = 60
FLIGHTS = 4000
# Flights of a steady load, by when it has committed often.
WORKED = 10_000
# Source to sink; what the sink's topic refuses becomes a letter.
COPY = """
[app]
id = "copy"

[broker]
kind = "kafka"
bootstrap = "localhost:9092"

[sources.in]
topic = "in"

[sinks.out]
topic = "out"
from = ["in"]
on-error = { policy = "dead-letter", topic = "letters" }
"""
# Asks for rights: of those who come with a name.
AUTHORIZER = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}
REFUSED_SECONDS = 60
MOST_BYTES = 10_000
RECORDS = 2000


def a_host_that_sleeps_beyond_its_time_does_no_harm_when_it_wakes(case):
    """The group has given its tasks away, and the cluster has aborted its transaction: what it does before it hears of that is void."""
    app = case.flights(client_settings=SHORT)
    watch, hosts = case.watch(app), [case.host(app, name, "--threads", "1") for name in "ab"]
    shared = case.share(hosts, TASKS)
    load = case.load(app)
    everything = partitions_of(app, shared["a"] | shared["b"])
    watch.wait_for_moves(everything, moment(), 20)
    sleeper, other = hosts
    sleeper.sleep()
    began = moment()
    other.wait_for_tasks(TASKS, MISSED_SECONDS)
    watch.wait_for_moves(everything, moment(), 20)
    case.note(f"the tasks of the sleeper go on after {moment() - began:.1f} s")
    sleeper.wake()
    case.share(hosts, TASKS)
    case.outcome(app, load.stop())
    expect("back to the last commit" in sleeper.log.read_text(encoding="utf-8"), f"the sleeper does not say that it was thrown out; see {sleeper.log}")


def a_host_that_sleeps_alone_goes_on_when_it_wakes(case):
    """Nobody is there to take its tasks: it finds itself thrown out of group and transaction, and joins again."""
    app = case.flights(client_settings=SHORT)
    watch, host = case.watch(app), case.host(app, "a", "--threads", "1")
    everything = partitions_of(app, host.wait_for_tasks(TASKS))
    load = case.load(app)
    watch.wait_for_moves(everything, moment(), 20)
    host.sleep()
    until("the group misses the sleeper", MISSED_SECONDS, lambda: not case.client.group(app.id)[1])
    host.wake()
    watch.wait_for_moves(everything, moment(), MISSED_SECONDS)
    case.outcome(app, load.stop())


def of_two_hosts_with_one_name_the_newcomer_gives_up(case):
    """Both throw each other out of the group and of their transactions; nothing of that shows in the outputs."""
    app = case.flights()
    load, first = case.load(app), case.host(app, "a", "--threads", "1", instance="same")
    first.wait_for_tasks(TASKS)
    case.until("the first one is established", 60, lambda: committed(app) > WORKED)
    newcomer = case.host(app, "b", "--threads", "1", instance="same")
    case.hosts.remove(newcomer)
    case.until("the newcomer gives up", GIVES_UP_SECONDS, lambda: not newcomer.alive())
    said = newcomer.log.read_text(encoding="utf-8")
    expect(newcomer.process.returncode == 1 and "give each a state folder of its own" in said, f"it does not say what to do: {newcomer.log}")
    case.outcome(app, load.stop())


def committed(app):
    return sum(offset for (topic, _), offset in app.client.committed(app.id).items() if topic == app.topic("flights"))


def what_a_topic_refuses_is_a_letter_and_its_neighbours_are_not(case):
    """The broker refuses whole batches; one record is to blame."""
    app = case.app("word-count", manifest=COPY, max_message_bytes=str(MOST_BYTES))
    large = "x" * (MOST_BYTES - 500)
    records = [{"value": str(number)} for number in range(RECORDS)]
    records[RECORDS // 2]["value"] = large
    # Source and letters take it, the sink does not.
    case.client.alter(app.topic("out"), {"max.message.bytes": str(MOST_BYTES // 2)})
    case.client.produce(app.topic("in"), records)
    host = case.host(app, "a")
    case.settle(app)
    files = {name: app.folder / f"{name}.jsonl" for name in ("out", "letters")}
    for name, file in files.items():
        case.client.read(app.topic(name), file)
    letters = [record["value"] for record in lines(files["letters"])]
    expect(letters == [large], f"{len(letters)} letters instead of one; see {host.log}")
    came = [record["value"] for record in lines(files["out"])]
    expect(came == [record["value"] for record in records if record["value"] != large], f"{len(came)} of {RECORDS - 1} records came out")


def a_task_whose_state_is_damaged_restores_it_and_no_other_does(case):
    app = case.flights()
    host = case.host(app, "a", "--threads", "1")
    tasks = host.wait_for_tasks(TASKS)
    case.produce(app, FLIGHTS)
    case.settle(app)
    host.stop()
    folder = host.state / "tasks" / app.id / "airports_0"
    damaged = [file for file in folder.rglob("*") if file.is_file() and file.suffix == ".sst"]
    expect(damaged, f"there is nothing to damage in {folder}: {sorted(tasks)}")
    for file in damaged:
        file.write_bytes(b"\x00" * file.stat().st_size)
    host.start()
    host.wait_for_tasks(TASKS)
    case.produce(app, FLIGHTS, FLIGHTS)
    case.outcome(app, 2 * FLIGHTS)
    said = host.log.read_text(encoding="utf-8")
    wiped = [line for line in said.splitlines() if "restored from its changelogs" in line]
    expect(wiped and all("airports_0" in line for line in wiped), f"said of damaged state: {wiped}; see {host.log}")


def a_host_whose_state_is_gone_restores_it(case):
    app = case.flights()
    host = case.host(app, "a", "--threads", "1")
    host.wait_for_tasks(TASKS)
    case.produce(app, FLIGHTS)
    case.settle(app)
    host.kill()
    shutil.rmtree(host.state)
    host.start()
    case.produce(app, FLIGHTS, FLIGHTS)
    case.outcome(app, 2 * FLIGHTS)


def the_rights_that_check_lists_are_needed_and_are_enough(case):
    log, certificate = case.folder / "client.log", case.world.authority.certificate("localhost")
    with Broker(case.folder / "broker", case.world.jars, AUTHORIZER, certificate) as broker, Client(case.world.jars, broker.bootstrap, log) as client:
        case.use(broker, client)
        login = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": PASSWORD}
        app, command = counting(case, broker.sasl_bootstrap, login)
        # Files are produced and read by other rights than those of the app.
        command = [*command[: command.index("--yes")], "--until-idle"]
        rights = [line.replace("User:NAME", f"User:{USER}") for line in case.run("check", app.manifest, "--acls").splitlines()]
        of_transactions = [line for line in rights if "--transactional-id" in line]
        expect(len(of_transactions) == 1, f"exactly-once needs a right to transactions: {rights}")
        for line in rights:
            if line not in of_transactions:
                grant(broker, line)
        client.produce(app.topic("lines"), [{"value": "to be or not to be"}])
        refused = subprocess.run([case.cofferdam, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=REFUSED_SECONDS)
        expect(refused.returncode == 1 and "check --acls" in refused.stderr, f"without a right: {refused.returncode}\n{last_lines(refused.stderr)}")
        grant(broker, of_transactions[0])
        case.run(*command)
        client.read(app.topic("counts"), app.folder / "counts.jsonl")
        expect_counts(app)


def grant(broker, line):
    ran = subprocess.run(broker.tool("AclCommand", *line.split()), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    expect(ran.returncode == 0, f"kafka-acls {line}: {ran.stdout}{ran.stderr}")
