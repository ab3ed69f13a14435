"""How fast a full topic is worked off, and what that costs.

Rates and CPU seconds are those from a fifth of the output to its end, by source records; the memory is the most that a process ever had.
"""
import table
from systems import EXACTLY_ONCE
from table import Figure
from trial import Trial
from world import say

FIGURES = [
    Figure("rate", "k records/s"),
    Figure("cpu", "CPU s / million", 2),
    Figure("peak", "peak MB", pick=max),
]


def measure(world, args, systems):
    """Prints a table for each layout. Answers {(layout, workload): {system: [runs]}}."""
    measured = {}
    for layout in args.layouts:
        # The broker warms up.
        once(world, systems[0], args.workloads[0], layout, args.records)
        results = {(workload.name,): {system.name: [] for system in systems} for workload in args.workloads}
        for number in range(args.runs):
            for workload in args.workloads:
                for system in systems:
                    run = once(world, system, workload, layout, args.records)
                    results[(workload.name,)][system.name].append(run)
                    say(f"throughput {number + 1}/{args.runs}: {workload.name}, {layout}, {system.name}: {run['rate']:.0f} k records/s")
        print(f"\n### Throughput: {layout}, {args.records} records of 8 + 100 bytes; median of {args.runs}\n")
        print(table.markdown(["workload"], results, FIGURES), flush=True)
        measured |= {(str(layout), *workload): systems for workload, systems in results.items()}
    return measured


def once(world, system, workload, layout, records):
    """The figures of one run."""
    expected = int(records * workload.passing)
    with Trial(world, system, workload, layout, world.source(layout, records)) as trial:
        trial.start()
        markers = ["--markers"] if system.guarantee == EXACTLY_ONCE else []
        seen = trial.ask("watch", trial.sink, expected, *markers, "--app", trial.process.pid, "--broker", world.broker.process.pid)
    counted = records * seen["part"]
    return {"rate": counted / seen["seconds"] / 1e3, "cpu": seen["app_cpu"] * 1e6 / counted, "peak": seen["peak_mb"]}
