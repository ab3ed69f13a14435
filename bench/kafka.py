#!/usr/bin/env python3
"""The host beside a program that does the same with librdkafka alone, and beside Kafka Streams: on one broker, in turn.

    kafka.py [--only PART,..] [--without SYSTEM] [--layouts 1x1,4x2] [--records N] [--runs N] [--figures FILE] COFFERDAM NATIVE [WORKLOAD..]

At least once, but for the part that says otherwise. Prints tables in Markdown, the last of them with all targets; what it is at is told on
standard error. Without Java or Maven there are no figures, and the output says so. FILE: what `bench --json` has measured. WORKLOAD: what
throughput is measured of; the other parts have workloads of their own. PART: throughput, exactly-once, latency, start, restore; memory takes
long and runs only when it is named.
"""
import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/kafka"))

import exactly_once
import jars
import latency
import memory
import restore
import start
import targets
import throughput
from systems import Host, KafkaStreams, Native
from waiting import Failed
from workloads import COPY, LAYOUTS, SINGLE, WORKLOADS
from world import World, say

PARTS = ("throughput", "exactly-once", "latency", "start", "restore")
# Runs only when it is asked for.
LONG = "memory"
# So that two members share at once, without a second rebalance.
REBALANCE_DELAY_MS = 1_000


def chosen(what, known):
    """For argparse: names from a list, separated by commas."""

    def read(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {what} '{unknown[0]}'; there are {', '.join(known)}")
        return names

    return read


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--only", type=chosen("part", (*PARTS, LONG)), default=PARTS)
    parser.add_argument("--without", choices=[Host.name, KafkaStreams.name], help="measures less, and sooner")
    parser.add_argument("--layouts", type=chosen("layout", LAYOUTS), default=list(LAYOUTS))
    parser.add_argument("--records", type=int, default=4_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--figures", type=Path)
    parser.add_argument("cofferdam", type=Path)
    parser.add_argument("native", type=Path)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", type=chosen("workload", WORKLOADS))
    args = parser.parse_intermixed_args()
    args.cofferdam, args.native = args.cofferdam.resolve(), args.native.resolve()
    args.layouts = [LAYOUTS[name] for name in args.layouts]
    args.workloads = [WORKLOADS[name] for names in args.workloads for name in names] or list(WORKLOADS.values())
    return args


def find_systems(args, folder):
    """The systems that can be measured here."""
    systems = [system for system in (Native(), Host(args.cofferdam)) if system.name != args.without]
    if args.without == KafkaStreams.name:
        return systems
    try:
        streams = KafkaStreams(folder / "kafka-streams")
        systems.append(streams)
        print(streams.description())
    except jars.NoKafka as why:
        print(f"no figures of Kafka Streams: {why}")
    return systems


def measure(args, found, folder, results):
    systems = find_systems(args, folder)
    if "throughput" in args.only:
        with World(args.native, found, folder / "full", REBALANCE_DELAY_MS) as world:
            results.add("throughput", throughput.measure(world, args, systems))
    rest = [part for part in args.only if part != "throughput"]
    if not rest:
        return
    # A start and a restart are not to wait for members that do not come.
    with World(args.native, found, folder / "quick", 0) as world:
        throughput.once(world, systems[0], COPY, SINGLE, args.records)
        if "exactly-once" in rest:
            exactly_once.measure(world, args, systems)
        if "latency" in rest:
            results.add("latency", latency.measure(world, args, systems))
        if "start" in rest:
            results.add("start", start.measure(world, args, systems))
        if "restore" in rest:
            restore.measure(world, args, systems)
        if LONG in rest:
            memory.measure(world, systems)


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: told to stop"))
    began, results = time.monotonic(), targets.Results()
    if args.figures:
        results.read(args.figures)
    try:
        with tempfile.TemporaryDirectory(prefix="cofferdam-bench-") as folder:
            measure(args, jars.find(), Path(folder), results)
    except jars.NoKafka as why:
        sys.exit(f"no figures on Kafka: {why}")
    except Failed as why:
        sys.exit(f"error: {why}")
    finally:
        # Of what there is, however it ended.
        print(f"\n### Targets\n\n{targets.markdown(targets.targets(results, args.layouts))}", flush=True)
        say(f"on Kafka: {(time.monotonic() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
