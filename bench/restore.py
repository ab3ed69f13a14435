"""How fast the counts come back from their changelog when the state is gone.

The changelog is filled by the same program for all of them, a record a key in no order, as compaction leaves one; native reads the same topic
into a hash map. The host's time and Kafka Streams' are from the beginning of the restoring, with the app connected, to its end, as each of them
says it.
"""
import table
from systems import Native, Restored
from table import Figure
from trial import Trial
from waiting import expect, until
from workloads import COUNT, COUNT_MEMORY, SINGLE
from world import say

# So many that each is met once.
KEYS = 2**64 - 1
COUNT_BYTES = 8
LIMIT_SECONDS = 120
FIGURES = [Figure("rate", "k records/s")]


def measure(world, args, systems):
    """Prints one table."""
    records = args.records // 2
    results = {(workload.name,): {system.name: [] for system in systems} for workload in (COUNT, COUNT_MEMORY)}
    for _ in range(args.runs):
        for workload in (COUNT, COUNT_MEMORY):
            for system in systems:
                rate = once(world, system, workload, records)
                results[(workload.name,)][system.name].append({"rate": rate})
                say(f"restore: {workload.name}, {system.name}: {rate:.0f} k records/s")
    print(f"\n### Restore: {SINGLE}, {records} changelog records of 8 + {COUNT_BYTES} bytes; median of {args.runs}\n")
    print(table.markdown(["store"], results, FIGURES), flush=True)


def once(world, system, workload, records):
    """Thousands of records a second."""
    with Trial(world, system, workload, SINGLE) as trial:
        # Native's is there already.
        if system.name != Native.name:
            trial.make_changelog()
        world.ask("load", trial.changelog, records, KEYS, "--value-bytes", COUNT_BYTES)
        seen = read(trial) if system.name == Native.name else restored(trial)
    expect(seen.records == records, f"{trial}: {seen.records} of {records} records restored")
    return records / seen.seconds / 1e3


def read(trial):
    """By a loop that does nothing else."""
    seen = trial.ask("restore", trial.changelog)
    return Restored(seen["records"], seen["seconds"])


def restored(trial):
    """By an app that is started without its state."""
    trial.start()

    def look():
        trial.must_live()
        return trial.system.restored(trial.said())

    return until(f"{trial}: the state is restored; see {trial.log}", LIMIT_SECONDS, look)
