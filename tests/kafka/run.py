#!/usr/bin/env python3
"""Tests the command against a real Apache Kafka: one broker for all cases, each under names of its own; those that mostly wait side by side,
then one after the other.

    run.py [--long] COFFERDAM [CASE..]

Without names: all cases; those that take long only with --long. Without Java or Maven they are skipped, each by name; with
COFFERDAM_REQUIRE_KAFKA=1 that is a failure. The logs of a case that failed are kept.
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Nothing is written into the checkout.
sys.dont_write_bytecode = True

import jars
from broker import Broker, Cluster
from case import Case
from cases import CASES
from client import Client
from jars import NoKafka
from tls import Authority
from waiting import Failed, Skipped


class World:
    """What all cases share. A context: left, the broker is gone. `cluster`: several brokers in its place."""

    def __init__(self, cofferdam, found, folder, cluster=False):
        self.cofferdam, self.jars, self.folder = cofferdam, found, folder
        self.authority = Authority(folder / "authority")
        if cluster:
            self.broker = Cluster(folder / "cluster", found)
        else:
            self.broker = Broker(folder / "broker", found, certificate=self.authority.certificate("localhost"))
        self.client = Client(found, self.broker.bootstrap, folder / "client.log")

    def __enter__(self):
        # Java compiles the client while the broker starts.
        self.client.__enter__()
        try:
            self.broker.__enter__()
        except BaseException:
            self.client.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.client.__exit__()
        self.broker.__exit__()


def run_case(case, world):
    """Runs one. Answers what came of it."""
    folder, began = world.folder / f"case-{case.name}", time.monotonic()
    try:
        with Case(case.name, world, folder) as context:
            case.run(context)
    except Skipped as why:
        print(f"skipped {case.name}: {why}", flush=True)
        shutil.rmtree(folder)
        return "skipped"
    except Exception as why:
        said = str(why) if isinstance(why, Failed) else traceback.format_exc().rstrip()
        print(f"FAILED {case.name}: {said}\n  logs: {folder}, {world.broker.log}, {world.client.log}", flush=True)
        return "failed"
    figures = "".join(f"\n   {figure}" for figure in context.figures)
    print(f"ok {case.name} ({time.monotonic() - began:.0f} s){figures}", flush=True)
    shutil.rmtree(folder)
    return "passed"


def chosen(names, long):
    known = {case.name: case for case in CASES}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"error: there is no case '{unknown[0]}'\nhint: the cases are {', '.join(known)}")
    return [known[name] for name in names] if names else [case for case in CASES if long or not case.long]


def run(cofferdam, cases, found):
    """Runs cases. Answers how many of them came to what."""
    folder = Path(tempfile.mkdtemp(prefix="cofferdam-kafka-"))
    came, keep = Counter(), False
    try:
        with World(cofferdam, found, folder) as world:
            waiting = [case for case in cases if case.waits]
            with ThreadPoolExecutor(max(len(waiting), 1)) as side_by_side:
                came.update(side_by_side.map(lambda case: run_case(case, world), waiting))
            came.update(run_case(case, world) for case in cases if not case.waits)
    except Failed as why:
        keep = True
        sys.exit(f"error: {why}")
    finally:
        if not came["failed"] and not keep:
            shutil.rmtree(folder)
    return came


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true", help="also the cases that take long")
    parser.add_argument("cofferdam", type=Path)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    args = parser.parse_intermixed_args()
    # Ended from outside, it ends its broker and its hosts, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: told to stop"))
    cases = chosen(args.cases, args.long)
    try:
        found = jars.find()
    except NoKafka as why:
        for case in cases:
            print(f"skipped {case.name}: {why}")
        print(f"0 passed, 0 failed, {len(cases)} skipped")
        if os.environ.get("COFFERDAM_REQUIRE_KAFKA") == "1":
            sys.exit("error: COFFERDAM_REQUIRE_KAFKA=1 is set, and the tests that need Kafka were skipped")
        return
    came = run(str(args.cofferdam.resolve()), cases, found)
    print(f"{came['passed']} passed, {came['failed']} failed" + (f", {came['skipped']} skipped" if came["skipped"] else ""))
    sys.exit(1 if came["failed"] else 0)


if __name__ == "__main__":
    main()
