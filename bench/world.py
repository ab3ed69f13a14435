"""What the parts of the benchmark share: a broker, and who fills its topics."""
import json
import subprocess
import sys
from itertools import count

from broker import Broker
from client import Client
from waiting import Failed
from workloads import KEYS

# Compiled as well as Java can, which the tests have no time for. What is young has so much room that the broker collects garbage every minute or
# two: with less, it stood still for 20 to 170 ms every four seconds, and the 99th percentile of a latency was that of its collector.
HEAP = "4g"
JVM = ["-XX:+UseG1GC", "-XX:NewSize=3g", "-XX:MaxNewSize=3g"]
# Every run has topics of its own: deleted ones are to leave the disk soon.
SETTINGS = {"log.segment.delete.delay.ms": "1000", "log.retention.check.interval.ms": "5000"}
COMPACTED = {"cleanup.policy": "compact"}


class World:
    """A context: left, the broker is gone."""

    def __init__(self, native, found, folder, rebalance_delay_ms):
        """`native`: the program with the tools. `rebalance_delay_ms`: what a group's first member waits for others."""
        self.native, self.folder = native, folder
        folder.mkdir()
        settings = SETTINGS | {"group.initial.rebalance.delay.ms": str(rebalance_delay_ms)}
        self.broker = Broker(folder / "broker", found, settings, heap=HEAP, jvm=JVM)
        self.client = Client(found, self.broker.bootstrap, folder / "client.log")
        self.numbers = count(1)

    def __enter__(self):
        self.broker.__enter__()
        try:
            self.client.__enter__()
        except BaseException:
            self.broker.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.client.__exit__()
        self.broker.__exit__()

    def command(self, tool, *args):
        """A tool of the native program, for this broker."""
        return [self.native, tool, self.broker.bootstrap, *map(str, args)]

    def ask(self, tool, *args):
        """Runs a tool. Answers what it says, None for nothing."""
        ran = subprocess.run(self.command(tool, *args), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ran.returncode != 0:
            raise Failed(f"{tool}: {ran.stderr.strip()}")
        return json.loads(ran.stdout) if ran.stdout else None

    def source(self, layout, records):
        """A topic with so many records, which the runs of a layout read."""
        name = f"source-{layout.partitions}-{records}"
        if name not in self.client.topics():
            # First: a join sees the table as it was at the time of the record.
            self.table(layout)
            self.client.create_topics({name: (layout.partitions, {})})
            self.ask("load", name, records, KEYS)
        return name

    def table(self, layout):
        """The topic of the table that `join` reads: each key once."""
        name = f"table-{layout.partitions}"
        if name not in self.client.topics():
            self.client.create_topics({name: (layout.partitions, COMPACTED)})
            self.ask("load", name, KEYS, KEYS, "--in-turn")
        return name

    def delete(self, prefix):
        """Deletes the topics whose names begin so."""
        names = [name for name in self.client.topics() if name.startswith(prefix)]
        if names:
            self.client.delete_topics(names)


def say(what):
    """Tells who waits how far it is."""
    print(what, file=sys.stderr, flush=True)
