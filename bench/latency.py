"""How long a record takes from one topic through an app to another, at rates that leave the machine idle most of the time.

A record's time begins when it was to be sent, and ends when a consumer has it. Each system has its own defaults; native is left out: how long
it keeps records back is a constant of its own.
"""
import table
from start import first_output
from systems import Native
from table import Figure
from trial import Trial
from waiting import expect
from workloads import COPY, COUNT_MEMORY, SINGLE
from world import say

RATES = (1_000, 10_000)
WARM_UP_SECONDS = 6
SECONDS = 12
FIGURES = [
    Figure("p50", "p50 ms", 1),
    Figure("p99", "p99 ms", 1),
    Figure("p999", "p99.9 ms", 1),
    Figure("cores", "cores", 2),
]


def measure(world, systems):
    """Prints one table; a run each."""
    asked = [system for system in systems if system.name != Native.name]
    results = {}
    for workload in (COPY, COUNT_MEMORY):
        for rate in RATES:
            results[workload.name, str(rate)] = {system.name: [once(world, system, workload, rate)] for system in asked}
    print(f"\n### End-to-end latency: {SINGLE}; {SECONDS} s, after {WARM_UP_SECONDS} s that do not count\n")
    print(table.markdown(["workload", "records/s"], results, FIGURES), flush=True)


def once(world, system, workload, rate):
    with Trial(world, system, workload, SINGLE) as trial:
        first_output(trial)
        times = ["--rate", rate, "--warm-up", WARM_UP_SECONDS, "--seconds", SECONDS]
        seen = trial.ask("latency", trial.source, trial.sink, *times, "--app", trial.process.pid)
        expect(seen["lost"] == 0, f"{trial}: {seen['lost']} records did not come out")
    say(f"latency: {workload.name} at {rate}/s, {system.name}: p50 {seen['p50']:.1f} ms, p99 {seen['p99']:.1f} ms, longest {seen['longest']:.1f} ms")
    return seen
