"""Hosts that end and come back in the same state folder."""
from case import PARTITIONS, RATE, moment, partitions_of
from load import lines
from waiting import expect

TASKS = 8
# From the start of the process until every task has committed something: promised to users.
CRASH_SECONDS = 3.0
# What a task of another host may stand still meanwhile.
PAUSE_SECONDS = 1.0
# Processed twice after one kill, at most, by an app that says so: a commit interval's worth would do, and a busy machine takes its time.
DOUBLED = 2 * RATE
BACKLOG = 60_000


def a_stop_commits_what_was_processed(case):
    app = case.flights()
    case.produce(app, BACKLOG)
    watch, host = case.watch(app), case.host(app, "a")
    tasks = host.wait_for_tasks(TASKS)
    case.until("the first commits", 20, lambda: all(watch.moves(at) for at in partitions_of(app, tasks)))
    host.stop()
    left = sum(app.lag().values())
    expect(left > 0, "everything was processed before the stop, so that it shows nothing")
    committed = case.client.committed(app.id)
    file = app.folder / "alerts-at-stop.jsonl"
    case.client.read(app.topic("flight-alerts"), file)
    alerts = [record["value"]["seq"] for record in lines(file)]
    for partition in range(PARTITIONS):
        came = sorted(seq // PARTITIONS for seq in alerts if seq % PARTITIONS == partition)
        offset = committed.get((app.topic("flights"), partition), 0)
        expect(came == list(range(offset)), f"partition {partition} of the flights: committed {offset}, alerts of {len(came)} flights")
    case.note(f"{len(alerts)} flights processed and committed, {left} records left")
    host.start()
    case.outcome(app, BACKLOG)


def a_killed_host_is_processing_again_at_once(case):
    app = case.flights()
    watch, host = case.watch(app), case.host(app, "a")
    everything = partitions_of(app, host.wait_for_tasks(TASKS))
    load = case.load(app)
    watch.wait_for_moves(everything, moment(), 20)
    host.kill()
    watch.look_again()
    began = moment()
    host.start()
    back = watch.wait_for_moves(everything, began, 30)
    case.note(f"all tasks processing again after {back:.2f} s, promised: {CRASH_SECONDS} s")
    case.outcome(app, load.stop())
    expect(back < CRASH_SECONDS, f"it took {back:.2f} s, more than {CRASH_SECONDS} s")


def a_rolling_restart_moves_no_task(case):
    app = case.flights()
    watch, hosts = case.watch(app), [case.host(app, name, "--threads", "1") for name in "abc"]
    shared = case.share(hosts, TASKS)
    load = case.load(app)
    partitions = {name: partitions_of(app, tasks) for name, tasks in shared.items()}
    watch.wait_for_moves(set().union(*partitions.values()), moment(), 20)
    began, own_pause, others_pause = moment(), 0, 0
    for host in hosts:
        told = moment()
        host.stop()
        host.start()
        host.wait_for_tasks(len(shared[host.name]))
        watch.wait_for_moves(partitions[host.name], moment(), 20)
        pauses = {name: max(watch.longest_pause(at, told) for at in own) for name, own in partitions.items()}
        own_pause = max(own_pause, pauses.pop(host.name))
        others_pause = max(others_pause, *pauses.values())
    case.note(f"the longest pause of a restarted host's task: {own_pause:.2f} s, of another's: {others_pause:.2f} s")
    seen = watch.assignments_since(began)
    expect(len(seen) == 1, f"tasks moved: {seen}")
    again = case.share(hosts, TASKS)
    expect(again == shared, f"before {shared}, afterwards {again}")
    case.outcome(app, load.stop())
    expect(others_pause < PAUSE_SECONDS, f"tasks of other hosts stood still for {others_pause:.2f} s")


def a_killed_host_of_an_app_that_works_at_least_once_loses_nothing(case):
    app = case.flights(guarantee="at-least-once")
    watch, host = case.watch(app), case.host(app, "a")
    everything = partitions_of(app, host.wait_for_tasks(TASKS))
    load = case.load(app)
    watch.wait_for_moves(everything, moment(), 20)
    host.kill()
    watch.look_again()
    began = moment()
    host.start()
    watch.wait_for_moves(everything, began, 30)
    outcome = case.outcome(app, load.stop())
    expect(outcome.doubled() <= DOUBLED, f"more was doubled than {DOUBLED}: {outcome}")
