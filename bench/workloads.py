"""What is measured: workloads, layouts, and the records."""
from typing import NamedTuple

# Different keys of the source records, and rows of the table that `join` reads.
KEYS = 100_000


class Workload(NamedTuple):
    """An app. Its manifest for the host is apps/kafka/<name>.toml; Kafka Streams calls it by its name."""

    name: str
    # What the native program calls it.
    native: str
    # The part of the records that comes out.
    passing: float = 1
    counts: bool = False
    joins: bool = False


class Layout(NamedTuple):
    partitions: int
    threads: int

    def __str__(self):
        return f"{counted(self.partitions, 'partition')}, {counted(self.threads, 'thread')}"


def counted(count, what):
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


COPY = Workload("copy", "copy")
FILTER_MAP = Workload("filter-map", "filter-map", passing=0.5)
COUNT_MEMORY = Workload("count-memory", "count", counts=True)
COUNT = Workload("count", "count", counts=True)
JOIN = Workload("join", "join", joins=True)
WORKLOADS = {workload.name: workload for workload in (COPY, FILTER_MAP, COUNT_MEMORY, COUNT, JOIN)}
SINGLE = Layout(1, 1)
LAYOUTS = {"1x1": SINGLE, "4x2": Layout(4, 2)}
