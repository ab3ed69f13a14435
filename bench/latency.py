"""How long a record takes from one topic through an app to another, at rates that leave the machine idle most of the time.

A record's time begins when it was to be sent, and ends when a consumer has it. Each system has its own defaults; how long native keeps records
back is a constant of its own.
"""
import table
from start import first_output
from table import Figure
from trial import Trial
from waiting import expect
from workloads import COPY, COUNT_MEMORY, SINGLE
from world import say

# Workloads, and records a second.
POINTS = ((COPY, 1_000), (COPY, 10_000), (COUNT_MEMORY, 10_000))
WARM_UP_SECONDS = 4
SECONDS = 8
BROKER_WARM_UP_SECONDS = 75
FIGURES = [
    Figure("p50", "p50 ms", 1),
    Figure("p99", "p99 ms", 1),
    Figure("p999", "p99.9 ms", 1),
    Figure("cores", "cores", 2),
]


def measure(world, args, systems):
    """Prints one table. Answers {(workload, rate): {system: [runs]}}."""
    results = {(workload.name, str(rate)): {system.name: [] for system in systems} for workload, rate in POINTS}
    warm(world, systems[0])
    for _ in range(args.runs):
        for workload, rate in POINTS:
            for system in systems:
                results[workload.name, str(rate)][system.name].append(once(world, system, workload, rate))
    print(f"\n### End-to-end latency: {SINGLE}; {SECONDS} s, after {WARM_UP_SECONDS} s that do not count; median of {args.runs}\n")
    print(table.markdown(["workload", "records/s"], results, FIGURES), flush=True)
    return results


def warm(world, system):
    """Not counted: the broker compiles its own code meanwhile, on the cores of whoever is measured. What a record takes falls for a minute."""
    once(world, system, *POINTS[0], seconds=BROKER_WARM_UP_SECONDS)


def once(world, system, workload, rate, seconds=SECONDS):
    with Trial(world, system, workload, SINGLE) as trial:
        first_output(trial)
        times = ["--rate", rate, "--warm-up", WARM_UP_SECONDS, "--seconds", seconds]
        seen = trial.ask("latency", trial.source, trial.sink, *times, "--app", trial.process.pid)
        expect(seen["lost"] == 0, f"{trial}: {seen['lost']} records did not come out")
    say(f"latency: {workload.name} at {rate}/s, {system.name}: p50 {seen['p50']:.1f} ms, p99 {seen['p99']:.1f} ms, longest {seen['longest']:.1f} ms")
    return seen
