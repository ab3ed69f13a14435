"""The targets, each beside what this run has measured: met or missed, or not measured where the part was left out."""
import json
import statistics
from typing import Callable, NamedTuple

from systems import Host, KafkaStreams, Native
from workloads import COPY, COUNT, COUNT_MEMORY, FILTER_MAP, SINGLE

# As bench/src/main.rs calls them.
SANDBOX, NODE_NS, TEN_MS = "sandboxed filter-map / in the host", "one more node, ns a record", "ten components at work, ms"
RATE = "1000"
# CPU seconds a million records of native copy on the machine for which the targets were set: a figure in ns stands beside itself at that speed.
NATIVE_COPY_SECONDS = 0.75


class Bound(NamedTuple):
    """What a figure is to be."""

    words: str
    unit: str
    holds: Callable
    digits: int = 2


def at_most(limit, unit, fraction=None):
    return Bound(f"at most {fraction or limit} {unit}", unit, lambda measured: measured <= limit)


def at_least(limit, unit):
    return Bound(f"at least {limit} {unit}", unit, lambda measured: measured >= limit)


def below(limit, unit):
    return Bound(f"below {limit} {unit}", unit, lambda measured: measured < limit, digits=1)


class Target(NamedTuple):
    figure: str
    bound: Bound
    # None where it was not measured.
    measured: float | None

    def cells(self):
        if self.measured is None:
            return [self.figure, self.bound.words, "", "not measured"]
        measured = f"{self.measured:.{self.bound.digits}f} {self.bound.unit}"
        return [self.figure, self.bound.words, measured, "met" if self.is_met() else "MISSED"]

    def is_met(self):
        return self.bound.holds(self.measured)


class Results:
    """What was measured: {(part, the first cells of its table): {system: [runs]}}, and single figures by name."""

    def __init__(self):
        self.runs, self.figures = {}, {}

    def add(self, part, results):
        self.runs |= {(part, *cells): systems for cells, systems in results.items()}

    def read(self, file):
        """Figures of the Rust program: a JSON object a line."""
        lines = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
        self.figures |= {line["figure"]: line["value"] for line in lines}

    def of(self, system, figure, *key, pick=statistics.median):
        """A figure of a system; None where there are no runs."""
        runs = self.runs.get(key, {}).get(system.name)
        return pick([run[figure] for run in runs]) if runs else None

    def ratio(self, other, figure, *key, pick=statistics.median):
        """The host's figure, divided by the other's."""
        own, others = (self.of(system, figure, *key, pick=pick) for system in (Host, other))
        return own / others if own is not None and others else None


def targets(results, layouts):
    """All of them. `layouts`: those of the throughput."""
    rate = ("latency", COPY.name, RATE)
    return [
        *(target for layout in layouts or [SINGLE] for target in of_throughput(results, str(layout))),
        Target("end-to-end p50, 1,000/s", at_most(1 / 6, "x Kafka Streams", "1/6"), results.ratio(KafkaStreams, "p50", *rate)),
        Target("end-to-end p99, 1,000/s", at_most(1 / 6, "x Kafka Streams", "1/6"), results.ratio(KafkaStreams, "p99", *rate)),
        *(target for workload in (COPY, COUNT) for target in of_start(results, workload.name)),
        Target("sandboxed filter-map, whole pipeline", at_most(1.15, "x the same code in the host"), results.figures.get(SANDBOX)),
        Target("one more node in a chain", below(60, "ns a record"), results.figures.get(NODE_NS)),
        Target(f"the same, at the speed at which native copies a million in {NATIVE_COPY_SECONDS} s", below(60, "ns a record"), scaled(results)),
        Target("ten components at work, warm start", at_most(100, "ms"), results.figures.get(TEN_MS)),
    ]


def scaled(results):
    """Nanoseconds of a node on a machine as fast as that of the targets."""
    nanoseconds, native = results.figures.get(NODE_NS), results.of(Native, "cpu", "throughput", str(SINGLE), COPY.name)
    return nanoseconds * NATIVE_COPY_SECONDS / native if nanoseconds is not None and native is not None else None


def of_throughput(results, layout):
    def ratio(workload, other, figure, pick=statistics.median):
        return results.ratio(other, figure, "throughput", layout, workload.name, pick=pick)

    def line(workload, what, bound, measured):
        return Target(f"{workload.name}, {layout}: {what}", bound, measured)

    cpu, peak = "CPU a record", "peak memory"
    native, streams = "x native", "x Kafka Streams"
    return [
        line(COPY, cpu, at_most(1.15, native), ratio(COPY, Native, "cpu")),
        line(COPY, "throughput", at_least(0.85, native), ratio(COPY, Native, "rate")),
        line(FILTER_MAP, cpu, at_most(1.25, native), ratio(FILTER_MAP, Native, "cpu")),
        line(COUNT_MEMORY, cpu, at_most(1.4, native), ratio(COUNT_MEMORY, Native, "cpu")),
        line(COUNT, cpu, at_most(1 / 3, streams, "1/3"), ratio(COUNT, KafkaStreams, "cpu")),
        line(COPY, peak, at_most(1 / 4, streams, "1/4"), ratio(COPY, KafkaStreams, "peak", max)),
        line(COUNT_MEMORY, peak, at_most(1 / 3, streams, "1/3"), ratio(COUNT_MEMORY, KafkaStreams, "peak", max)),
        line(COUNT, peak, at_most(1 / 3, streams, "1/3"), ratio(COUNT, KafkaStreams, "peak", max)),
    ]


def of_start(results, workload):
    streams = at_most(1 / 3, "x Kafka Streams", "1/3")
    return [
        Target(f"{workload}: start to the first record", streams, results.ratio(KafkaStreams, "seconds", "start", workload)),
        Target(f"{workload}: idle memory", below(40, "MB"), results.of(Host, "idle", "start", workload)),
    ]


def markdown(all_of_them):
    """One table, and how many are met."""
    rows = [["figure", "target", "measured", ""], ["---"] * 4, *(target.cells() for target in all_of_them)]
    measured = [target for target in all_of_them if target.measured is not None]
    met = sum(target.is_met() for target in measured)
    count = f"{met} met, {len(measured) - met} missed, {len(all_of_them) - len(measured)} not measured"
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + f"\n\n{count}"
