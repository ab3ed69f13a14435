"""Graphs that change while hosts work under a steady load: what stays of them goes on, and nothing is lost or doubled of the rest."""
from collections import Counter, defaultdict

from load import lines
from steady import Steady, ordinal
from waiting import expect

PARTITIONS = 4
# A task for each partition of both sources.
TASKS = 2 * PARTITIONS
# Records a second, of each source.
RATE = 2_000
# Words of a partition, each counted by itself.
WORDS = 50
CONVERGE_SECONDS = 90
# Less than the session of a member that has gone without a word.
LONGEST_GAP_MS = 12_000
MANIFEST = f"""[app]
id = "graphs"

[broker]
kind = "kafka"

[topics.steady]
partitions = {PARTITIONS}

[topics.other]
partitions = {PARTITIONS}

[sources.steady]
topic = "steady"

[processors.count]
component = "components/word_count.wasm"
from = ["steady"]
stores = ["counts"]

[stores.counts]
kind = "key-value"

[sinks.counts]
topic = "counts"
from = ["count"]

[sources.other]
topic = "other"

[processors.p]
component = "guests/namer.wasm"
from = ["other"]

[sinks.out]
topic = "out"
from = ["p"]
"""


class Words(Steady):
    """As values words of each partition's own, in turn."""

    def portion(self):
        return [
            {"value": f"p{chr(97 + partition)}w{chr(97 + offset % WORDS // 26)}{chr(97 + offset % WORDS % 26)}", "partition": partition}
            for partition, sent in self.sent.items()
            for offset in range(sent, sent + self.each)
        ]


class Graphs:
    """The app, deployed, with both its loads."""

    def __init__(self, case, guarantee=None):
        self.case, self.app = case, case.app("word-count", manifest=MANIFEST, guarantee=guarantee)
        # The time of a count is then that of its commit's records on the broker: gaps between them are pauses.
        case.client.alter(self.app.topic("counts"), {"message.timestamp.type": "LogAppendTime"})
        case.client.create_topics({self.app.topic(name): (1, {}) for name in ("copies", "more")})
        self.base = self.app.manifest.read_text(encoding="utf-8")
        self.deploy("")

    def sink(self, name, node):
        return f'\n[sinks.{name}]\ntopic = "{self.app.topic(name)}"\nfrom = ["{node}"]\n'

    def deploy(self, more):
        self.app.manifest.write_text(self.base + more, encoding="utf-8")
        return self.case.run("deploy", self.app.manifest, "--bootstrap", self.case.broker.bootstrap, "--yes")

    def host(self, name):
        return self.case.host(self.app, name, "--threads", "1", what=["--app", self.app.id, "--public", "none"])

    def begin_loads(self):
        self.words = Words(self.case.client, self.app.topic("steady"), PARTITIONS, RATE)
        self.others = Steady(self.case.client, self.app.topic("other"), PARTITIONS, RATE)
        for load in (self.words, self.others):
            self.case.stack.callback(load.told.set)

    def change(self, hosts, more):
        """Another graph of what reads the other source: every host goes over to it in place."""
        said = {host.name: text(host).count(PASSED) for host in hosts}
        self.deploy(more)
        self.case.until(
            "every host has gone over", CONVERGE_SECONDS, lambda: all(text(host).count(PASSED) == said[host.name] + 1 for host in hosts)
        )

    def check(self):
        """Ends the loads. All of it came out, once."""
        words, others = self.words.stop(), self.others.stop()
        self.case.settle(self.app, CONVERGE_SECONDS)
        counts, out = self.read("counts"), self.read("out")
        counted = defaultdict(list)
        for record in counts:
            counted[record["key"]].append(int(record["value"]))
        wrong = [word for word, numbers in counted.items() if numbers != list(range(1, len(numbers) + 1))]
        expect(not wrong, f"counted wrong: {[(word, counted[word][:20]) for word in wrong[:3]]}")
        expect(len(counts) == sum(words.values()), f"{len(counts)} counts of {sum(words.values())} words")
        keys = Counter(ordinal(record["key"]) for record in out)
        doubled = [key for key, times in keys.items() if times > 1]
        expect(not doubled, f"{len(doubled)} doubled: {doubled[:3]}")
        expect(len(keys) == sum(others.values()), f"{len(keys)} of {sum(others.values())} records came out")
        times = sorted(record["timestamp"] for record in counts)
        gap = max(after - before for before, after in zip(times, times[1:]))
        expect(gap < LONGEST_GAP_MS, f"no word was counted for {gap} ms: who waits for a member whose session has to run out?")
        self.case.note(f"{len(counts)} words and {len(keys)} other records, each once; the longest time in which no word was counted: {gap} ms")

    def read(self, topic):
        file = self.app.folder / f"{topic}.jsonl"
        self.case.client.read(self.app.topic(topic), file)
        return list(lines(file))


PASSED = "deployed: sub-topologies that go on: steady; ended: other; begun: other"


def text(host):
    return host.log.read_text(encoding="utf-8")


def steady(host):
    """The host's tasks that are to stay."""
    return {task["task"]: task for task in host.status().get("tasks", []) if task["task"].startswith("steady")}


def what_stays_of_a_graph_goes_on(case, guarantee=None):
    """One host with one thread: nobody else could take a task over."""
    graphs = Graphs(case, guarantee)
    host = graphs.host("a")
    host.wait_for_tasks(TASKS)
    graphs.begin_loads()
    case.until("all tasks have records", CONVERGE_SECONDS, lambda: len(steady(host)) == PARTITIONS and all(t["processed"] for t in steady(host).values()))
    for more in (graphs.sink("copies", "p"), "", graphs.sink("copies", "p")):
        before = steady(host)
        graphs.change([host], more)
        host.wait_for_tasks(TASKS, CONVERGE_SECONDS)
        after = steady(host)
        expect(before.keys() == after.keys(), f"the same tasks: {after.keys()}")
        for name, task in after.items():
            expect(task["restored"] == 0 and task["processed"] >= before[name]["processed"] > 0, f"{name} went on: {before[name]}, {task}")
    expect(text(host).count(" running app=") == 1, "the host never began anew")
    graphs.check()
    expect(graphs.read("copies"), "the new sink has records")
    host.stop()


def what_stays_goes_on_at_least_once(case):
    """Nothing fails, and so nothing is doubled either."""
    what_stays_of_a_graph_goes_on(case, "at-least-once")


def hosts_go_over_to_a_graph_together(case):
    graphs = Graphs(case)
    hosts = [graphs.host(name) for name in ("a", "b", "c")]
    case.share(hosts, TASKS)
    graphs.begin_loads()
    for more in (graphs.sink("copies", "p"), ""):
        graphs.change(hosts, more)
        case.share(hosts, TASKS)
    # Whoever comes now finds members that announce an earlier graph, and knows that they run this one; so does one that comes back.
    hosts.append(graphs.host("d"))
    case.share(hosts, TASKS)
    hosts[1].kill()
    hosts[1].start()
    case.share(hosts, TASKS)
    graphs.change(hosts, graphs.sink("copies", "p"))
    case.share(hosts, TASKS)
    expect(not any("members of the group run another graph" in text(host) for host in hosts), "they agree all the time")
    # Nothing of this graph stays: all begin anew.
    graphs.deploy(graphs.sink("more", "count"))
    for host in hosts:
        case.until("every host has begun anew", CONVERGE_SECONDS, lambda: "running what is deployed version=5" in text(host))
    case.share(hosts, TASKS)
    graphs.check()
    for host in hosts:
        host.stop()
