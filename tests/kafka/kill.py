#!/usr/bin/env python3
"""Two hosts on a real Kafka are killed with SIGKILL in turn, again and again, and started again; then nothing may be lost.

    kill.py COFFERDAM --records N --kills K --longest S --seed N [--guarantee exactly-once|at-least-once]

A kill counts only if the host had tasks at work, the committed offsets have moved since the last kill, and input was left. Prints what was
lost, and what was doubled: exactly-once, the default, allows neither, at-least-once the latter.
"""
import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

# Nothing is written into the checkout.
sys.dont_write_bytecode = True

import jars
from case import Case
from jars import NoKafka
from load import flight
from run import World
from waiting import Failed, expect, until

TASKS = 8
# Until a host that was killed works again, and the offsets move.
AGAIN_SECONDS = 60
SETTLE_SECONDS = 1800


def make_input(folder, count):
    file = folder / "flights.jsonl"
    with open(file, "w", encoding="utf-8") as out:
        out.writelines(f"{flight(seq)}\n" for seq in range(count))
    return file


def progress(app):
    """(flights processed, flights left)"""
    topic = app.topic("flights")
    left = sum(lag for (name, _), lag in app.lag().items() if name == topic)
    return sum(offset for (name, _), offset in app.client.committed(app.id).items() if name == topic), left


def kill_in_turn(app, hosts, kills, longest, chance):
    """Answers how many kills counted: fewer than wanted when the input came to its end."""
    before = 0
    for number in range(kills):
        victim = hosts[number % len(hosts)]

        def at_work():
            for host in hosts:
                host.must_live()
            processed, left = progress(app)
            return left == 0 or (processed > before and "running" in victim.tasks().values())

        until(f"host {victim.name} works again; see {victim.log}", AGAIN_SECONDS, at_work)
        time.sleep(chance.uniform(0, longest))
        victim.kill()
        before, left = progress(app)
        victim.start()
        if left == 0:
            return number
        print(f"kill {number + 1}: host {victim.name}, committed {before}, left {left}", flush=True)
    return kills


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cofferdam", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--longest", type=float, default=1, help="seconds at most that a host works before it is killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guarantee", choices=["exactly-once", "at-least-once"], default="exactly-once")
    args = parser.parse_args()
    folder, began = Path(tempfile.mkdtemp(prefix="cofferdam-kafka-kill-")), time.monotonic()
    try:
        with World(str(args.cofferdam.resolve()), jars.find(), folder) as world, Case("kill", world, folder / "case-kill") as case:
            app = case.flights(guarantee=args.guarantee)
            case.client.produce_lines(app.topic("flights"), make_input(folder, args.records))
            hosts = [case.host(app, name) for name in "ab"]
            counted = kill_in_turn(app, hosts, args.kills, args.longest, random.Random(args.seed))
            case.settle(app, SETTLE_SECONDS)
            outcome = case.outcome(app, args.records)
            print(f"{outcome}\n{counted} kills counted, {time.monotonic() - began:.0f} s")
            expect(counted == args.kills, "the input was at its end before the last kill: more records, or fewer kills")
    except (Failed, NoKafka) as why:
        sys.exit(f"FAILED: {why}\n  logs: {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
