"""Several hosts of one app: they share its tasks, and hand them over."""
from case import moment, partitions_of
from waiting import expect

TASKS = 8
# How long nothing may be committed of a task that stays while others move: the group takes no commits from when it knows of the new member
# until each old one has heard of it, with its next heartbeat, after a second at most.
PAUSE_SECONDS = 2.0
# From the signal until every task goes on elsewhere: promised to users.
LEAVE_SECONDS = 5.0
# A host that is gone without a word is missed after the session time-out of 15 s.
MISSED_SECONDS = 40


def two_hosts_share_the_partitions(case):
    app = case.flights()
    hosts = [case.host(app, name) for name in "ab"]
    shared = case.share(hosts, TASKS)
    expect({len(tasks) for tasks in shared.values()} == {TASKS // 2}, f"not in equal parts: {shared}")
    state, members = case.client.group(app.id)
    ids = {f"{app.id}-{name}-{thread}" for name in "ab" for thread in (0, 1)}
    expect(set(members) == ids and state == "Stable", f"the group is {state}, of {sorted(members)}")
    case.produce(app, 4000)
    case.outcome(app, 4000)


def tasks_that_stay_go_on_while_a_host_joins(case):
    app = case.flights()
    watch, first = case.watch(app), case.host(app, "a", "--threads", "1")
    tasks = first.wait_for_tasks(TASKS)
    load = case.load(app)
    watch.wait_for_moves(partitions_of(app, tasks), moment(), 20)
    began = moment()
    second = case.host(app, "b", "--threads", "1")
    shared = case.share([first, second], TASKS)
    # The last to come has to work, too, before the window ends.
    watch.wait_for_moves(partitions_of(app, shared["b"]), moment(), 20)
    ended = moment()
    pauses = {at: watch.longest_pause(at, began, ended) for at in partitions_of(app, shared["a"])}
    case.note(f"joined in {ended - began:.1f} s; the longest pause of a task that stayed: {max(pauses.values()):.2f} s")
    case.outcome(app, load.stop())
    expect(max(pauses.values()) < PAUSE_SECONDS, f"a task that stayed stood still for more than {PAUSE_SECONDS} s: {pauses}")


def a_killed_hosts_tasks_are_taken_over_with_their_state(case):
    app = case.flights()
    watch, hosts = case.watch(app), [case.host(app, name, "--threads", "1") for name in "ab"]
    shared = case.share(hosts, TASKS)
    load = case.load(app)
    everything = partitions_of(app, shared["a"] | shared["b"])
    watch.wait_for_moves(everything, moment(), 20)
    gone = case.hosts.pop(0)
    gone.kill()
    killed = moment()
    watch.look_again()
    hosts[1].wait_for_tasks(TASKS, MISSED_SECONDS)
    watch.wait_for_moves(everything, moment(), 20)
    pause = max(watch.longest_pause(at, killed) for at in partitions_of(app, shared["a"]))
    case.note(f"taken over after {pause:.1f} s")
    case.outcome(app, load.stop())


def a_host_that_leaves_hands_its_tasks_over(case):
    app = case.flights()
    watch, hosts = case.watch(app), [case.host(app, name, "--threads", "1", "--leave") for name in "ab"]
    shared = case.share(hosts, TASKS)
    load = case.load(app)
    everything = partitions_of(app, shared["a"] | shared["b"])
    watch.wait_for_moves(everything, moment(), 20)
    leaving = case.hosts.pop(0)
    told = moment()
    leaving.stop()
    hosts[1].wait_for_tasks(TASKS)
    watch.wait_for_moves(everything, moment(), 20)
    pause = max(watch.longest_pause(at, told) for at in partitions_of(app, shared["a"]))
    case.note(f"handed over in {pause:.2f} s, promised: {LEAVE_SECONDS} s")
    case.outcome(app, load.stop())
    _, members = case.client.group(app.id)
    expect(set(members) == {f"{app.id}-b-0"}, f"the group still has {sorted(members)}")
    expect(pause < LEAVE_SECONDS, f"handing over took {pause:.2f} s, more than {LEAVE_SECONDS} s")


def what_moves_in_order_is_not_doubled_at_least_once(case):
    """The group is told of offsets now and then; of those of a partition that goes to somebody else, before it goes."""
    app = case.flights(guarantee="at-least-once")
    watch, first = case.watch(app), case.host(app, "a", "--threads", "1", "--leave")
    tasks = first.wait_for_tasks(TASKS)
    load = case.load(app)
    watch.wait_for_moves(partitions_of(app, tasks), moment(), 20)
    second = case.host(app, "b", "--threads", "1")
    shared = case.share([first, second], TASKS)
    watch.wait_for_moves(partitions_of(app, shared["b"]), moment(), 20)
    first.stop()
    case.hosts.remove(first)
    second.wait_for_tasks(TASKS)
    watch.wait_for_moves(partitions_of(app, shared["a"]), moment(), 20)
    outcome = case.outcome(app, load.stop())
    expect(outcome.doubled() == 0, f"doubled: {outcome}")
