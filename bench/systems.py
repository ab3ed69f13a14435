"""The three that do the same work: a program on librdkafka alone, this host, and Kafka Streams.

Each says how it is started, and what it needs before.
"""
import copy
import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jars

HERE = Path(__file__).resolve().parent
STREAMS = HERE / "kafka-streams"
HEAP = "1g"
# As the manifests of the apps have it, and what Kafka Streams does unless it is told otherwise.
AT_LEAST_ONCE = "at-least-once"


class Restored(NamedTuple):
    records: int
    # Until the last record was read, and until the app works.
    read_seconds: float
    seconds: float


class Native:
    """No sandbox, no stores, no recovery: the least that the client costs."""

    name = "native"

    def prepare(self, trial):
        if trial.workload.counts:
            trial.make_changelog()

    def command(self, trial):
        names = [trial.workload.native, trial.source, trial.sink, trial.id, trial.layout.threads]
        changelog = ["--changelog", trial.changelog] if trial.workload.counts else []
        table = ["--table", trial.table] if trial.table else []
        return trial.world.command("app", *names, *changelog, *table)


class Host:
    """This project's command."""

    name = "host"

    def __init__(self, program):
        self.program, self.guarantee, self.flags = program, AT_LEAST_ONCE, []

    def exactly_once(self, *flags):
        """The same, exactly once. `flags`: further ones of its command."""
        other = copy.copy(self)
        other.guarantee, other.flags = "exactly-once", list(flags)
        return other

    def prepare(self, trial):
        text = (HERE / "apps/kafka" / f"{trial.workload.name}.toml").read_text(encoding="utf-8")
        text = re.sub(r'^id = ".*"', f'id = "{trial.id}"', text, flags=re.MULTILINE).replace("../../dist", str(HERE / "dist"))
        text = text.replace(f'guarantee = "{AT_LEAST_ONCE}"', f'guarantee = "{self.guarantee}"')
        for name, topic in (("in", trial.source), ("out", trial.sink), ("table", trial.table)):
            text = text.replace(f'"bench-{name}"', f'"{topic}"')
        self.manifest(trial).write_text(text, encoding="utf-8")

    def manifest(self, trial):
        return trial.folder / "app.toml"

    def command(self, trial):
        where = ["--bootstrap", trial.world.broker.bootstrap, "--state-dir", trial.folder / "state"]
        return [self.program, "run", self.manifest(trial), *where, "--threads", str(trial.layout.threads), "--log", "json", *self.flags]

    def restored(self, said):
        """What its log says of a task that was restored; None until it is."""
        at = {}
        for line in said.splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("message") in ("restoring", "restored"):
                at[event["message"]] = event, datetime.fromisoformat(event["timestamp"])
        if "restored" not in at:
            return None
        (_, began), (event, ended) = at["restoring"], at["restored"]
        return Restored(event["records"], event["read_ms"] / 1e3, (ended - began).total_seconds())


class KafkaStreams:
    """Kafka Streams at its defaults, the cache aside: see kafka-streams/App.java."""

    name = "Kafka Streams"

    def __init__(self, folder):
        """Fetches the jars where they are not there yet, and compiles the program into a folder. Raises jars.NoKafka."""
        pom = STREAMS / "pom.xml"
        self.version = jars.version(pom)
        self.guarantee = AT_LEAST_ONCE
        self.jars = jars.fetched(jars.cache() / f"kafka-streams-{self.version}", pom)
        self.classes = folder
        subprocess.run(["javac", "-cp", self.jars, "-d", folder, STREAMS / "App.java"], stdin=subprocess.DEVNULL, check=True)

    def exactly_once(self):
        """The same, exactly once."""
        other = copy.copy(self)
        other.guarantee = "exactly-once"
        return other

    def prepare(self, trial):
        pass

    def command(self, trial):
        guarantee = [] if self.guarantee == AT_LEAST_ONCE else ["-Dguarantee=exactly_once_v2"]
        java = ["java", f"-Xmx{HEAP}", *guarantee, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{self.classes}:{self.jars}", "App"]
        names = [trial.workload.name, trial.source, trial.sink, str(trial.table), trial.id, trial.folder / "state", str(trial.layout.threads)]
        return [*java, trial.world.broker.bootstrap, *names]

    def restored(self, said):
        """What its listener says of a store that was restored; None until it is."""
        at = {words[0]: words[1:] for words in map(str.split, said.splitlines()) if words and words[0] in ("restoring", "restored")}
        if "restored" not in at:
            return None
        began, (ended, records) = int(at["restoring"][0]), map(int, at["restored"])
        seconds = (ended - began) / 1e3
        return Restored(records, seconds, seconds)

    def description(self):
        java = subprocess.run(["java", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        return f"Kafka Streams {self.version} on {java}, -Xmx{HEAP}"
