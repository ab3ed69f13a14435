"""Tables in Markdown: a row for each thing that was measured, a column for each system."""
import statistics
from typing import Callable, NamedTuple

from systems import Host


class Figure(NamedTuple):
    """A figure that runs have: its key there, and what stands in the table."""

    key: str
    title: str
    digits: int = 0
    # Which of several runs stands there.
    pick: Callable = statistics.median
    # Whether the host is compared with the others.
    compared: bool = True


def markdown(labels, results, figures):
    """`labels`: titles of the first columns. `results`: {the first cells: {system: [runs]}}, where a run is {key: number}."""
    rows = [[*cells, *(cell for figure in figures for cell in compare(figure, systems))] for cells, systems in results.items()]
    systems = next(iter(results.values()))
    titles = [*labels, *(title for figure in figures for title in headings(figure, systems))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [titles, ["---"] * len(titles), *rows])


def headings(figure, systems):
    first, *more = systems
    # The first one says what it is.
    return [f"{figure.title}: {first}", *more, *(f"{Host.name} / {other}" for other in others(figure, systems))]


def compare(figure, systems):
    """The figure of each system, and the host's divided by each other's."""
    of = {name: figure.pick([run[figure.key] for run in runs]) for name, runs in systems.items()}
    ratios = [f"{of[Host.name] / of[other]:.2f}" for other in others(figure, systems)]
    return [*(f"{number:.{figure.digits}f}" for number in of.values()), *ratios]


def others(figure, systems):
    return [name for name in systems if name != Host.name] if figure.compared else []
