#!/usr/bin/env python3
"""Kills the host with SIGKILL again and again while it works on the embedded log, then checks that the output is as if nothing had happened.

    kill_embedded.py COFFERDAM EXAMPLE_FOLDER --records N --kills K --longest S --seed N

The flights are repeated until there are N, each with a sequence number. A kill counts only if the committed offsets have moved since the
last one and input was left. Prints what was lost, doubled or wrong; the exit code is 0 only when that is nothing and K kills counted.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parent


def make_input(example, folder, records):
    flights = [json.loads(line) for line in open(example / "flights.jsonl", encoding="utf-8")]
    with open(folder / "flights.jsonl", "w", encoding="utf-8") as out:
        for seq in range(records):
            out.write(json.dumps({"seq": seq, **flights[seq % len(flights)]}, separators=(",", ":")) + "\n")


def command(binary, folder):
    inputs = ["--input", "airports=airports.jsonl", "--input", "flights=flights.jsonl"]
    outputs = ["--output", "stats=stats.out.jsonl", "--output", "alerts=alerts.out.jsonl"]
    return [binary, "run", "app.toml", *inputs, *outputs, "--until-idle"]


def status(binary, folder):
    """(records processed, records left) of the flights topic, by committed offsets; None while nobody answers."""
    run = subprocess.run([binary, "status", "app.toml", "--json"], cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:
        return None
    partitions = [p for p in json.loads(run.stdout)["partitions"] if p["topic"] == "flights"]
    return sum(p["committed"] for p in partitions), sum(p["end"] - p["committed"] for p in partitions)


def kill_once(binary, folder, log, before, pause):
    """Runs until the offsets have moved, then `pause` seconds longer, then kills. What stands afterwards; None when it ended by itself."""
    host = subprocess.Popen(command(binary, folder), cwd=folder, stderr=log, stdout=log)
    try:
        while host.poll() is None:
            seen = status(binary, folder)
            if seen and seen[0] > before:
                break
        try:
            host.wait(timeout=pause)
            return None
        except subprocess.TimeoutExpired:
            pass
    finally:
        if host.poll() is None:
            os.kill(host.pid, signal.SIGKILL)
        host.wait()
    return status(binary, folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cofferdam")
    parser.add_argument("example", type=Path)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--longest", type=float, default=0.5, help="seconds at most between the first commit of a run and its end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    args = parser.parse_args()
    binary = str(Path(args.cofferdam).resolve())
    chance = random.Random(args.seed)
    folder = Path(tempfile.mkdtemp(prefix="cofferdam-kill-"))
    for name in ("app.toml", "airports.jsonl", "components"):
        source = args.example / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    make_input(args.example, folder, args.records)

    counted, attempts, committed, started = 0, 0, 0, time.monotonic()
    with open(folder / "host.log", "a", encoding="utf-8") as log:
        while counted < args.kills and attempts < 3 * args.kills:
            attempts += 1
            after = kill_once(binary, folder, log, committed, chance.uniform(0, args.longest))
            if after is None:
                break
            counts = after[0] > committed and after[1] > 0
            counted += counts
            committed = after[0]
            print(f"kill {attempts}: committed {after[0]}, left {after[1]}{'' if counts else ', does not count'}", flush=True)
        finish = subprocess.run(command(binary, folder), cwd=folder, stderr=log, stdout=log)
    if finish.returncode != 0:
        sys.exit(f"the last run ended with {finish.returncode}; see {folder / 'host.log'}")
    check = subprocess.run(
        [sys.executable, TESTS / "flights_check.py", *(folder / f for f in ("flights.jsonl", "airports.jsonl", "stats.out.jsonl", "alerts.out.jsonl"))]
    )
    print(f"{counted} kills counted in {attempts} attempts, {time.monotonic() - started:.0f} s, {args.records} records")
    if check.returncode == 0 and counted >= args.kills:
        if not args.keep:
            shutil.rmtree(folder)
        sys.exit(0)
    sys.exit(f"failed; see {folder}")


if __name__ == "__main__":
    main()
