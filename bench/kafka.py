#!/usr/bin/env python3
"""The host beside a program that does the same with librdkafka alone, on one broker, in turn.

    kafka.py [--records N] [--runs N] COFFERDAM NATIVE [WORKLOAD..]

One partition, one thread, at least once. Source records have keys of 8 bytes (100,000 different ones) and values of 100. Rates and CPU
seconds are those from a fifth of the output to its end, the median of all runs; memory is the highest of them.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/kafka"))

import jars
from broker import Broker
from client import Client
from waiting import Failed, last_lines

KEYS = 100_000
PARTITIONS = 1
THREADS = 1
SOURCE = "bench-in"
STOP_SECONDS = 30
# What the program without a host does for an app, and which part of the records comes out.
Workload = namedtuple("Workload", "native passing")
WORKLOADS = {
    "copy": Workload("copy", 1),
    "filter-map": Workload("filter-map", 0.5),
    "count-memory": Workload("count", 1),
    "count": Workload("count", 1),
}


class Bench:
    """Runs on one broker, each with topics of its own."""

    def __init__(self, args, broker, client, folder):
        self.args, self.broker, self.client, self.folder = args, broker, client, folder
        self.run = 0

    def load(self):
        self.client.create_topics({SOURCE: (PARTITIONS, {})})
        subprocess.run([self.args.native, "load", self.broker.bootstrap, SOURCE, str(self.args.records), str(KEYS)], check=True)

    def host(self, name):
        """One run of an app by the host."""
        place, sink = self.next()
        text = (HERE / "apps/kafka" / f"{name}.toml").read_text(encoding="utf-8")
        text = text.replace("../../dist", str(HERE / "dist")).replace("bench-out", sink).replace(f'id = "bench-', f'id = "{sink}-')
        manifest = place / "app.toml"
        manifest.write_text(text, encoding="utf-8")
        flags = ["--bootstrap", self.broker.bootstrap, "--state-dir", place / "state", "--threads", str(THREADS)]
        return self.measure([self.args.cofferdam, "run", manifest, *flags], name, sink, place)

    def native(self, name):
        """The same work by the native program."""
        place, sink = self.next()
        changelog = f"{sink}-changelog"
        self.client.create_topics({changelog: (PARTITIONS, {})})
        program = [self.args.native, "app", self.broker.bootstrap, WORKLOADS[name].native, SOURCE, sink, changelog, f"{sink}-native", str(THREADS)]
        return self.measure(program, name, sink, place)

    def next(self):
        """A folder, and an empty topic for what comes out."""
        self.run += 1
        place, sink = self.folder / f"run-{self.run}", f"bench-out-{self.run}"
        place.mkdir()
        self.client.create_topics({sink: (PARTITIONS, {})})
        return place, sink

    def measure(self, program, name, sink, place):
        expected = str(int(self.args.records * WORKLOADS[name].passing))
        log = place / "log"
        with open(log, "wb") as out:
            process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            pids = ["--app", str(process.pid), "--broker", str(self.broker.process.pid)]
            watch = [self.args.native, "watch", self.broker.bootstrap, sink, str(PARTITIONS), expected, *pids]
            watched = subprocess.run(watch, capture_output=True, text=True)
            if watched.returncode != 0:
                said = last_lines(log.read_text(encoding="utf-8", errors="replace"))
                raise Failed(f"{name}: {watched.stderr.strip()}\n{said}")
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=STOP_SECONDS)
        seen = json.loads(watched.stdout)
        records = self.args.records * seen["part"]
        return {"rate": records / seen["seconds"] / 1e3, "cpu": seen["app_cpu"] * 1e6 / records, "peak": seen["peak_mb"]}


def table(results):
    """Markdown: for each workload native, host, and host / native."""
    print("| workload | native: k records/s | host | ratio | native: CPU s / million | host | ratio | native: peak MB | host |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (native, host) in results.items():
        middle = lambda runs, key: statistics.median(run[key] for run in runs)
        cells = [name]
        for key, digits in (("rate", 0), ("cpu", 2)):
            ours, theirs = middle(host, key), middle(native, key)
            cells += [f"{theirs:.{digits}f}", f"{ours:.{digits}f}", f"{ours / theirs:.2f}"]
        cells += [f"{max(run['peak'] for run in runs):.0f}" for runs in (native, host)]
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=4_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("cofferdam", type=Path)
    parser.add_argument("native", type=Path)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    args = parser.parse_intermixed_args()
    args.cofferdam, args.native = args.cofferdam.resolve(), args.native.resolve()
    unknown = [name for name in args.workloads if name not in WORKLOADS]
    if unknown:
        sys.exit(f"error: there is no workload '{unknown[0]}'\nhint: the workloads are {', '.join(WORKLOADS)}")
    names = args.workloads or list(WORKLOADS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: told to stop"))
    try:
        found = jars.find()
    except jars.NoKafka as why:
        sys.exit(f"no figures on Kafka: {why}")
    with tempfile.TemporaryDirectory(prefix="cofferdam-bench-") as folder:
        folder = Path(folder)
        # Compiled as well as Java can, which the tests have no time for.
        with Broker(folder / "broker", found, heap="1g", jvm=["-XX:+UseG1GC"]) as broker, Client(found, broker.bootstrap, folder / "client.log") as client:
            bench = Bench(args, broker, client, folder)
            bench.load()
            # The broker warms up.
            bench.native(names[0])
            results = {name: ([], []) for name in names}
            for _ in range(args.runs):
                for name, (native, host) in results.items():
                    native.append(bench.native(name))
                    host.append(bench.host(name))
    print(f"{args.records} records of 8 + 100 bytes, Kafka, {PARTITIONS} partition, {THREADS} thread, at least once; median of {args.runs}")
    table(results)


if __name__ == "__main__":
    main()
