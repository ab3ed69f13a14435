"""The same exactly once: throughput beside native, which stays what it is, and beside Kafka Streams; latency beside Kafka Streams, which commits
as often as it does by default; and the commits that the host makes for it.
"""
import re
import urllib.request

import latency
import table
import throughput
from systems import Host, KafkaStreams, Native
from table import Figure
from trial import Trial
from waiting import expect
from workloads import COPY, COUNT, SINGLE
from world import say

RATE = 1_000
WARM_UP_SECONDS = 2
SECONDS = 10
METRICS = re.compile(r"http://\S+?/metrics")
COMMIT = "cofferdam_thread_commit_latency_seconds"
COMMIT_FIGURES = [
    Figure("rate", "commits/s", 1),
    Figure("p50", "p50 below ms", 1, compared=False),
    Figure("p99", "p99 below ms", 1, compared=False),
]


def measure(world, args, systems):
    """Prints three tables."""
    own = {system.name: system for system in systems}
    strict = [system if system.name == Native.name else system.exactly_once() for system in systems]
    results = {(workload.name,): {system.name: [] for system in strict} for workload in (COPY, COUNT)}
    for number in range(args.runs):
        for workload in (COPY, COUNT):
            for system in strict:
                run = throughput.once(world, system, workload, SINGLE, args.records)
                results[(workload.name,)][system.name].append(run)
                say(f"exactly once {number + 1}/{args.runs}: {workload.name}, {system.name}: {run['rate']:.0f} k records/s")
    print(f"\n### Exactly once (native: at least once): {SINGLE}, {args.records} records; median of {args.runs}\n")
    print(table.markdown(["workload"], results, throughput.FIGURES), flush=True)
    if Host.name not in own:
        return
    # Native would be at least once: how long that keeps records back is a constant of its own.
    waits = [system for system in strict if system.name in (Host.name, KafkaStreams.name)]
    latency.warm(world, waits[0])
    results = {(COPY.name, str(RATE)): {system.name: [] for system in waits}}
    for _ in range(args.runs):
        for system in waits:
            results[COPY.name, str(RATE)][system.name].append(latency.once(world, system, COPY, RATE))
    print(f"\n### End-to-end latency, exactly once, each with its default commit interval: {SINGLE}; median of {args.runs}\n")
    print(table.markdown(["workload", "records/s"], results, latency.FIGURES), flush=True)
    results = {(COPY.name, str(RATE)): {Host.name: [commits(world, own[Host.name])]}}
    print("\n### Its commits meanwhile\n")
    print(table.markdown(["workload", "records/s"], results, COMMIT_FIGURES), flush=True)


def commits(world, host):
    """How often the host commits at this rate, and how long that takes: the bounds of its own histogram."""
    with Trial(world, host.exactly_once("--public", "127.0.0.1:0"), COPY, SINGLE) as trial:
        trial.world.ask("load", trial.source, 1, 1)
        trial.start()
        times = ["--rate", RATE, "--warm-up", WARM_UP_SECONDS, "--seconds", SECONDS]
        seen = trial.ask("latency", trial.source, trial.sink, *times, "--app", trial.process.pid)
        expect(seen["lost"] == 0, f"{trial}: {seen['lost']} records did not come out")
        where = METRICS.search(trial.said())
        expect(where, f"{trial}: it does not say where its metrics are; see {trial.log}")
        with urllib.request.urlopen(where[0], timeout=10) as answer:
            return of_histogram(answer.read().decode(), WARM_UP_SECONDS + SECONDS)


def of_histogram(page, seconds):
    """The figures of a page of metrics."""
    found = re.findall(rf'^{COMMIT}_bucket{{.*le="([^"]+)".*}} (\d+)', page, re.MULTILINE)
    bounds = [(float(bound), int(count)) for bound, count in found]
    total = max(count for _, count in bounds)

    def below(part):
        return next(bound for bound, count in bounds if count >= part * total) * 1e3

    return {"rate": total / seconds, "p50": below(0.5), "p99": below(0.99)}
