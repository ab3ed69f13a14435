"""From the start of a process to its first record out, one record waiting; and the memory that it has when it has nothing to do."""
import subprocess
import time

import table
from table import Figure
from trial import Trial
from workloads import COPY, COUNT, SINGLE
from world import say

IDLE_SECONDS = 5
FIGURES = [Figure("seconds", "start s", 2), Figure("idle", "idle MB")]


def measure(world, args, systems):
    """Prints one table. Answers {(workload,): {system: [runs]}}."""
    results = {(workload.name,): {system.name: [] for system in systems} for workload in (COPY, COUNT)}
    for workload in (COPY, COUNT):
        for system in systems:
            # Not counted: the host compiles its components once and keeps them, files come into memory.
            with Trial(world, system, workload, SINGLE) as trial:
                first_output(trial)
    for _ in range(args.runs):
        for workload in (COPY, COUNT):
            for system in systems:
                results[(workload.name,)][system.name].append(once(world, system, workload))
    print(f"\n### Start, to the first record out, and memory after {IDLE_SECONDS} s with nothing to do: {SINGLE}; median of {args.runs}\n")
    print(table.markdown(["workload"], results, FIGURES), flush=True)
    return results


def once(world, system, workload):
    with Trial(world, system, workload, SINGLE) as trial:
        seconds = first_output(trial)
        # Nothing is waited for: the app is to be left alone.
        time.sleep(IDLE_SECONDS)
        trial.must_live()
        idle = resident_mb(trial.process.pid)
    say(f"start: {workload.name}, {system.name}: {seconds:.2f} s, {idle:.0f} MB")
    return {"seconds": seconds, "idle": idle}


def first_output(trial):
    """Starts it with one record in its source. Answers the seconds until the first record came out."""
    trial.world.ask("load", trial.source, 1, 1)
    listening = trial.world.command("first", trial.sink)
    with subprocess.Popen(listening, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listener:
        if listener.stdout.readline() == "ready\n":
            began = time.monotonic()
            trial.start()
            if listener.stdout.readline() == "came\n":
                return time.monotonic() - began
        raise trial.failure(listener.stderr.read().strip())


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        kib = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
    return int(kib) * 1024 / 1e6
