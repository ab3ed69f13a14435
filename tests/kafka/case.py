"""What a case is given: a folder, the broker, and hosts that are gone when it ends, whatever happened."""
import subprocess
import sys
import time
from contextlib import ExitStack

from app import ROOT, App
from host import Host
from load import Load, Outcome, airports, flights
from waiting import Failed, expect, last_lines, until
from watch import Watch

COMMAND_SECONDS = 120
# Until a backlog is worked off, on a small machine.
SETTLE_SECONDS = 60
# Flights a second of a steady load.
RATE = 1000
PARTITIONS = 4
# Of many that are alike.
PROBLEMS_SHOWN = 10


class Case:
    """A context: left, its hosts are killed."""

    def __init__(self, name, world, folder):
        """`world`: what all cases share, see run.py."""
        self.name, self.world, self.folder = name, world, folder
        self.broker, self.client, self.cofferdam = world.broker, world.client, world.cofferdam
        self.hosts, self.figures, self.stack = [], [], ExitStack()

    def __enter__(self):
        self.folder.mkdir()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def note(self, figure):
        """A figure that the case's line shows."""
        self.figures.append(figure)

    def use(self, broker, client):
        """Another broker than the one that all cases share."""
        self.broker, self.client = broker, client

    def app(self, example="flights", part="", client_settings=None, guarantee=None, manifest=None, **config):
        """An example, or another manifest, under names of this case, with its topics."""
        folder = self.folder / (part or example)
        folder.mkdir()
        app = App(self.client, folder, example, f"{self.name}-{part}" if part else self.name, client_settings, guarantee, manifest)
        app.make_topics(**config)
        return app

    def flights(self, **config):
        """The flights example, its table filled with made up airports."""
        app = self.app(**config)
        self.client.produce(app.topic("airports"), list(airports()))
        return app

    def produce(self, app, count, first=0):
        """Made up flights, all at once."""
        self.produce_at(app, range(first, first + count), first)

    def produce_at(self, app, minutes, first):
        """Made up flights of these minutes, from number `first` on."""
        self.client.produce(app.topic("flights"), flights(first, minutes, PARTITIONS))

    def load(self, app, rate=RATE):
        """Made up flights, from now on."""
        load = Load(self.client, app.topic("flights"), PARTITIONS, rate)
        self.stack.callback(load.told.set)
        return load

    def watch(self, app):
        watch = Watch(self.client, app.id, self.until)
        self.stack.callback(watch.stop)
        return watch

    def host(self, app, name, *flags, instance=None, what=None, bootstrap=None):
        """`bootstrap`: another way to the broker than the straight one."""
        host = Host(self.cofferdam, app, bootstrap or self.broker.bootstrap, name, *flags, instance=instance, what=what)
        self.stack.callback(host.kill)
        self.hosts.append(host)
        return host

    def until(self, what, seconds, look):
        """As waiting.until; a host that ends meanwhile is a failure. For when all hosts are meant to live."""

        def looked():
            for host in self.hosts:
                host.must_live()
            return look()

        return until(what, seconds, looked)

    def settle(self, app, seconds=SETTLE_SECONDS):
        """Waits until everything that is in the app's source topics is committed."""
        self.until("all that was produced is committed", seconds, lambda: not any(app.lag().values()))

    def run(self, *args, cwd=None):
        """A command of cofferdam that ends by itself, with the exit code 0. Answers its standard output."""
        ran = subprocess.run(
            [self.cofferdam, *args], cwd=cwd or self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        if ran.returncode != 0:
            raise Failed(f"cofferdam {' '.join(map(str, args))}\nended with {ran.returncode}:\n{last_lines(ran.stderr)}")
        return ran.stdout

    def check_flights(self, *files):
        """tests/flights_check.py: nothing lost, nothing doubled, everything right."""
        checked = subprocess.run([sys.executable, ROOT / "tests/flights_check.py", *files], capture_output=True, text=True)
        expect(checked.returncode == 0, f"{checked.stdout}{checked.stderr}")
        self.note(checked.stdout.strip())

    def outcome(self, app, count, more=()):
        """What came of flights 0 to `count`, and of `more` behind them, of these minutes; all of them committed. Nothing may be lost, or have left
        by another way; exactly once, nothing may be doubled, nor be wrong in an output or in a store."""
        self.settle(app)
        files = {name: app.folder / f"{name}.jsonl" for name in ("flight-alerts", "airport-stats")}
        for name, file in files.items():
            self.client.read(app.topic(name), file)
        changelog = app.folder / "by-airport.jsonl"
        self.client.read(f"{app.id}-by-airport-changelog", changelog)
        outcome = Outcome(count, *files.values(), changelog if app.exactly_once else None, more)
        astray = sum(end for _, end in self.client.bounds([app.topic("flights-unknown-airport"), app.topic("bad-flights")]).values())
        expect(not outcome.problems and not astray, f"{outcome}, {astray} astray: {'; '.join(outcome.problems[:PROBLEMS_SHOWN])}")
        if app.exactly_once:
            expect(outcome.doubled() == 0 and outcome.wrong == 0, f"not exactly once: {outcome}")
        self.note(str(outcome))
        return outcome

    def share(self, hosts, tasks):
        """Waits until these hosts run so many tasks between them, each task once. Answers {host's name: its tasks}."""

        def shared():
            has = {host.name: host.tasks() for host in hosts}
            each = [task for own in has.values() for task in own]
            states = {state for own in has.values() for state in own.values()}
            whole = len(each) == len(set(each)) == tasks and states == {"running"} and all(has.values())
            return {name: set(own) for name, own in has.items()} if whole else None

        return until(f"{len(hosts)} hosts share {tasks} tasks", 40, shared)


def partitions_of(app, tasks):
    """The partitions whose offsets such tasks of the flights example commit while flights flow."""
    [edge] = app.repartition_topics()
    # What a sub-topology is named after, and the topic that keeps it busy.
    busy = {"flights": app.topic("flights"), "airports": edge}
    named = (task.rpartition("_") for task in tasks)
    return {(busy[sub_topology], int(partition)) for sub_topology, _, partition in named}


def moment():
    return time.monotonic()
