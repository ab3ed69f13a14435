"""How fast a store comes back from its changelog when the state is gone, beside a loop that reads the same topic and keeps nothing.

The changelog is filled by the same program for all of them, a record a key in no order, as compaction leaves one; native reads the same topic
into a hash map. The host's time and Kafka Streams' are from the beginning of the restoring, with the app connected, to its end, as each of them
says it; the host's also to the last record read, before all is written out and ready for work.
"""
import table
from systems import Host, Native, Restored
from table import Figure
from trial import Trial
from waiting import expect, until
from workloads import COUNT, COUNT_MEMORY, SINGLE
from world import say

# So many that each is met once.
KEYS = 2**64 - 1
VALUE_BYTES = (8, 100)
LIMIT_SECONDS = 120
BARE = "bare loop"
FIGURES = [Figure("read", "k records/s, read"), Figure("ready", "k records/s, ready")]


def measure(world, args, systems):
    """Prints a table for each size of the values."""
    for value_bytes in VALUE_BYTES:
        of_size(world, args, systems, value_bytes)


def of_size(world, args, systems, value_bytes):
    records = args.records // 4
    names = [BARE, *(system.name for system in systems)]
    results = {(workload.name,): {name: [] for name in names} for workload in (COUNT, COUNT_MEMORY)}
    for _ in range(args.runs):
        for workload in (COUNT, COUNT_MEMORY):
            for system in systems:
                bare, own = once(world, system, workload, records, value_bytes)
                # Beside the host, at once: what else the machine does meanwhile, it does to both.
                if system.name == Host.name:
                    results[(workload.name,)][BARE].append(bare)
                results[(workload.name,)][system.name].append(own)
                say(f"restore: {workload.name}, {value_bytes} B, {system.name}: {own['read']:.0f} {own['ready']:.0f}, bare {bare['read']:.0f} k records/s")
    print(f"\n### Restore: {SINGLE}, {records} changelog records of 8 + {value_bytes} bytes; median of {args.runs}\n")
    print(table.markdown(["store"], results, FIGURES), flush=True)


def once(world, system, workload, records, value_bytes):
    """Thousands of records a second: those of the bare loop, and those of the system."""
    with Trial(world, system, workload, SINGLE) as trial:
        # Native's is there already.
        if system.name != Native.name:
            trial.make_changelog()
        world.ask("load", trial.changelog, records, KEYS, "--value-bytes", value_bytes)
        bare = read(trial, "consume")
        seen = read(trial, "restore") if system.name == Native.name else restored(trial)
    expect(bare.records == seen.records == records, f"{trial}: {seen.records} of {records} records restored")
    return rates(bare), rates(seen)


def rates(seen):
    return {"read": seen.records / seen.read_seconds / 1e3, "ready": seen.records / seen.seconds / 1e3}


def read(trial, tool):
    """By a loop that does nothing else."""
    seen = trial.ask(tool, trial.changelog)
    return Restored(seen["records"], seen["seconds"], seen["seconds"])


def restored(trial):
    """By an app that is started without its state."""
    trial.start()

    def look():
        trial.must_live()
        return trial.system.restored(trial.said())

    return until(f"{trial}: the state is restored; see {trial.log}", LIMIT_SECONDS, look)
