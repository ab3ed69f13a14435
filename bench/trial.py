"""One workload by one system, once."""
import os
import shutil
import signal
import subprocess

from waiting import Failed, last_lines
from world import COMPACTED

STOP_SECONDS = 30


class Trial:
    """A process with topics and a folder of its own. A context: entered, the topics are there, and `start` may be called; left, nothing of
    it is there any more."""

    def __init__(self, world, system, workload, layout, source=None):
        """`source`: the topic to read; one of its own, empty, without it."""
        self.world, self.system, self.workload, self.layout = world, system, workload, layout
        self.id = f"bench-{next(world.numbers)}"
        self.source, self.sink, self.changelog = source or f"{self.id}-in", f"{self.id}-out", f"{self.id}-counts-changelog"
        # What `join` joins with.
        self.table = None
        self.folder = world.folder / self.id
        self.log = self.folder / "log"
        self.process = None

    def __str__(self):
        return f"{self.workload.name}, {self.layout}, {self.system.name}"

    def __enter__(self):
        self.folder.mkdir()
        self.log.touch()
        topics = {self.sink: (self.layout.partitions, {})}
        if self.source.startswith(self.id):
            topics[self.source] = (self.layout.partitions, {})
        self.world.client.create_topics(topics)
        if self.workload.joins:
            self.table = self.world.table(self.layout)
        self.system.prepare(self)
        return self

    def __exit__(self, *_):
        self.stop()
        # The prefix ends with a hyphen: bench-1 is not bench-11.
        self.world.delete(f"{self.id}-")
        shutil.rmtree(self.folder)

    def make_changelog(self):
        """Makes the changelog of the counts, which is else the system's own business."""
        self.world.client.create_topics({self.changelog: (self.layout.partitions, COMPACTED)})

    def start(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(self.system.command(self), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def stop(self):
        if not self.process or self.process.poll() is not None:
            return
        os.kill(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def said(self):
        """What it has written to standard output and standard error: the lines that are whole."""
        return self.log.read_text(encoding="utf-8", errors="replace").rpartition("\n")[0]

    def must_live(self):
        if self.process.poll() is not None:
            raise self.failure(f"ended with {self.process.returncode}")

    def ask(self, tool, *args):
        """As World.ask; a failure shows what the process has said."""
        try:
            return self.world.ask(tool, *args)
        except Failed as why:
            raise self.failure(why) from None

    def failure(self, why):
        return Failed(f"{self}: {why}\n{last_lines(self.said())}")
