"""What a host does about errors, row by row of its table (host/src/runtime/errors.rs), where a real broker can be made to give them."""
import shutil
import subprocess

import ticks
from broker import PASSWORD, USER, Broker, free_ports
from case import moment, partitions_of
from cases.brokers import counting, expect_counts
from client import Client
from far import Gate
from load import lines
from waiting import Skipped, expect, last_lines, until

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
# Nothing but tasks that count seconds.
TICKING = """
[app]
id = "ticking"

[broker]
kind = "kafka"
bootstrap = "localhost:9092"
""" + ticks.PART
# Of all tasks together.
SECONDS = 8
# Asks for rights: of those who come with a name.
AUTHORIZER = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}
REFUSED_SECONDS = 60
MOST_BYTES = 10_000
RECORDS = 2000
# What a host says whose writer of transactions is another one's by now.
FENCED = "a transaction took longer than the cluster allows, or another host has the same instance-id"
# Kafka's number for the request that ends a transaction.
END_OF_TRANSACTION = 26
# So long the outcome of a commit may be open, and some.
DOUBT_SECONDS = 60
DISK_BYTES = 16 << 20


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


def a_sleeper_that_wakes_with_nothing_open_commits_no_second_that_was_counted_elsewhere(case):
    """Its tasks never get a record, so that no offset of theirs moves: only the group knows that they are another host's."""
    app = case.app(manifest=TICKING, client_settings=SHORT)
    hosts = [case.host(app, name, "--threads", "1") for name in "ab"]
    case.share(hosts, ticks.PARTITIONS)
    sleeper, other = hosts
    case.until("seconds are counted", 20, lambda: counted(case, app) > SECONDS)
    sleeper.sleep()
    began = moment()
    other.wait_for_tasks(ticks.PARTITIONS, MISSED_SECONDS)
    so_far = counted(case, app)
    case.until("seconds are counted by the other one", 20, lambda: counted(case, app) > so_far + SECONDS)
    sleeper.wake()
    case.share(hosts, ticks.PARTITIONS)
    case.note(ticks.check(case, app, moment() - began))


def counted(case, app):
    return sum(end for _, end in case.client.bounds([app.topic("ticked")]).values())


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
    says_fenced(first)
    case.outcome(app, load.stop())


def says_fenced(host):
    """It has met the row of the table in which the writer of transactions is made anew."""
    fenced = [line for line in host.log.read_text(encoding="utf-8").splitlines() if FENCED in line and "back to the last commit" in line]
    expect(fenced, f"its writer of transactions was never found fenced; see {host.log}")


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


def copying(case, first):
    """A host that has copied so many records, and what it copies."""
    app = case.app("word-count", manifest=COPY)
    host = case.host(app, "a", "--threads", "1")
    host.wait_for_tasks(1)
    case.client.produce(app.topic("in"), numbered(range(first)))
    case.settle(app)
    return app, host


def numbered(numbers):
    return [{"value": str(number)} for number in numbers]


def copied(case, app):
    """The numbers that came out."""
    file = app.folder / "out.jsonl"
    case.client.read(app.topic("out"), file)
    return [int(record["value"]) for record in lines(file)]


def records_that_are_deleted_before_they_are_read_are_passed_over(case):
    app, host = copying(case, RECORDS)
    host.stop()
    case.client.produce(app.topic("in"), numbered(range(RECORDS, 2 * RECORDS)))
    # The end of each of its transactions takes an offset of the sink, none of the source.
    left = RECORDS + RECORDS // 2
    case.client.delete_records(app.topic("in"), 0, left)
    host.start()
    case.settle(app)
    case.client.produce(app.topic("in"), numbered([2 * RECORDS]))
    case.settle(app)
    came = copied(case, app)
    expect(came == [*range(RECORDS), *range(left, 2 * RECORDS + 1)], f"{len(came)} records came out, the last is {came[-1]}; see {host.log}")
    expect("records were deleted before they were processed" in host.log.read_text(encoding="utf-8"), f"it does not say so; see {host.log}")


def a_host_whose_sink_is_deleted_ends_and_goes_on_when_it_is_there_again(case):
    app, host = copying(case, 1)
    sink = app.topic("out")
    case.client.delete_topics([sink])
    case.hosts.remove(host)
    case.client.produce(app.topic("in"), numbered([1]))
    gave_up = ended(host, f"topic '{sink}' does not exist", "make it again as it was")
    case.note(f"ended after {gave_up:.0f} s")
    case.client.create_topics({sink: (1, {})})
    host.start()
    case.hosts.append(host)
    case.client.produce(app.topic("in"), numbered([2]))
    case.settle(app)
    came = copied(case, app)
    expect(came == [1, 2], f"into the new topic came {came}; see {host.log}")


def a_host_whose_disk_is_full_ends_and_goes_on_when_there_is_room(case):
    app = case.app("word-count")
    disk = app.folder / "state-a"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise Skipped(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    case.stack.callback(subprocess.run, ["umount", "--lazy", disk], check=True)
    host = case.host(app, "a", "--threads", "1")
    host.wait_for_tasks(1)
    filled = disk / "filled"
    fill(filled)
    case.hosts.remove(host)
    case.client.produce(app.topic("lines"), [{"value": "to be or not to be"}])
    gave_up = ended(host, "No space left on device", "see to the disk of the state folder")
    case.note(f"ended after {gave_up:.0f} s")
    filled.unlink()
    host.start()
    case.hosts.append(host)
    case.settle(app)
    case.client.read(app.topic("counts"), app.folder / "counts.jsonl")
    expect_counts(app)


def fill(file):
    """Until the disk takes no more."""
    with open(file, "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            pass


def ended(host, *says):
    """Waits until a host ends by itself and says all of this. Answers after how many seconds."""
    began = moment()
    until(f"the host ends; see {host.log}", GIVES_UP_SECONDS, lambda: not host.alive())
    said = host.log.read_text(encoding="utf-8")
    missing = [text for text in says if text not in said]
    expect(host.process.returncode == 1 and not missing, f"ended with {host.process.returncode} and does not say {missing}:\n{host.last_words()}")
    return moment() - began


def a_commit_of_which_nobody_knows_whether_it_stands_is_asked_of_the_log(case):
    """It stands, and its answer is lost."""
    jars, ports = case.world.jars, free_ports(2)
    with Broker(case.folder / "broker", jars, far=ports) as broker, Client(jars, broker.bootstrap, case.folder / "client.log") as client:
        case.use(broker, client)
        with Gate(port=ports[1], to=ports[0], kind=END_OF_TRANSACTION) as gate:
            app = case.flights()
            watch = case.watch(app)
            host = case.host(app, "a", "--threads", "1", bootstrap=f"127.0.0.1:{ports[1]}")
            everything = partitions_of(app, host.wait_for_tasks(TASKS))
            load = case.load(app)
            watch.wait_for_moves(everything, moment(), 20)
            gate.shut.set()
            asked = "commit the transaction: "
            case.until("the host does not know", DOUBT_SECONDS, lambda: asked in host.log.read_text(encoding="utf-8"))
            expect(gate.lost, "no answer was lost")
            gate.shut.clear()
            watch.wait_for_moves(everything, moment(), DOUBT_SECONDS)
            case.outcome(app, load.stop())
            watch.stop()
            # Before the way is cut.
            host.stop()
            case.hosts.remove(host)


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
