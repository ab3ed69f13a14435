"""Whether the host's memory grows with what it has processed: a count over the same keys for long."""
import table
from start import resident_mb
from table import Figure
from trial import Trial
from waiting import until
from workloads import COUNT, COUNT_MEMORY, SINGLE
from world import say

# In source records; the first look is when everything has been used once.
LOOKS = (6_000_000, 24_000_000)
LIMIT_SECONDS = 900
FIGURES = [Figure("early", "MB after 6 million"), Figure("late", "MB after 24 million"), Figure("growth", "late / early", 3)]


def measure(world, systems):
    """Prints one table. Native keeps counts in a map that has its size soon, and is not of interest."""
    host = next(system for system in systems if system.name == "host")
    results = {(workload.name,): {host.name: [once(world, host, workload)]} for workload in (COUNT, COUNT_MEMORY)}
    print(f"\n### Memory of the process: {SINGLE}\n")
    print(table.markdown(["workload"], results, FIGURES), flush=True)


def once(world, host, workload):
    source = world.source(SINGLE, LOOKS[-1])
    with Trial(world, host, workload, SINGLE, source) as trial:
        trial.start()
        early, late = (after(trial, records) for records in LOOKS)
    say(f"memory: {workload.name}: {early:.0f} MB, {late:.0f} MB")
    return {"early": early, "late": late, "growth": late / early}


def after(trial, records):
    """Its memory when so many records have come out of it."""

    def look():
        trial.must_live()
        [(_, end)] = trial.world.client.bounds([trial.sink]).values()
        return resident_mb(trial.process.pid) if end >= records else None

    return until(f"{trial}: {records} records are processed; see {trial.log}", LIMIT_SECONDS, look)
