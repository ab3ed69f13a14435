"""An example's Kafka variant, under names of its own so that cases do not meet on their one broker."""
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def renamed(manifest, prefix):
    """The manifest with `prefix` before the app's id and every topic."""
    manifest = re.sub(r'^(id) = "', rf'\1 = "{prefix}-', manifest, count=1, flags=re.MULTILINE)
    manifest = re.sub(r'\b(topic) = "', rf'\1 = "{prefix}-', manifest)
    return re.sub(r"^\[topics\.", f"[topics.{prefix}-", manifest, flags=re.MULTILINE)


class App:
    """The manifest in a folder, with the components of its example beside it, and its topics on the broker."""

    def __init__(self, client, folder, example, prefix, client_settings=None, guarantee=None, manifest=None):
        """`client_settings`: lines of `[broker.client]`. `guarantee`: another one than the default. `manifest`: a text that stands for the example's."""
        self.client, self.folder, self.prefix, self.example = client, Path(folder), prefix, ROOT / "examples" / example
        text = renamed(manifest or (self.example / "kafka.toml").read_text(encoding="utf-8"), prefix)
        self.exactly_once = guarantee != "at-least-once"
        if guarantee:
            text = text.replace("[app]\n", f'[app]\nguarantee = "{guarantee}"\n', 1)
        # Several hosts of one machine: each would ask for the same port.
        text += '\n[admin]\npublic = "none"\n'
        if client_settings:
            text += "\n[broker.client]\n" + "".join(f'"{key}" = "{value}"\n' for key, value in client_settings.items())
        self.manifest = self.folder / "app.toml"
        self.manifest.write_text(text, encoding="utf-8")
        (self.folder / "components").symlink_to(self.example / "components")
        (self.folder / "guests").symlink_to(ROOT / "tests/guests/dist")
        self.said = tomllib.loads(text)
        self.id = self.said["app"]["id"]

    def topic(self, name):
        """The topic that the example calls so."""
        return f"{self.prefix}-{name}"

    def topics(self):
        """{topic: (partitions, {setting: text})} of all that the manifest names."""
        nodes = [node for section in ("sources", "tables", "processors", "sinks") for node in self.said.get(section, {}).values()]
        names = {place["topic"] for node in nodes for place in (node, node.get("on-error", {})) if "topic" in place}
        tables = {table["topic"] for table in self.said.get("tables", {}).values()}
        counts = {name: topic.get("partitions", 1) for name, topic in self.said.get("topics", {}).items()}
        return {name: (counts.get(name, 1), {"cleanup.policy": "compact" if name in tables else "delete"}) for name in names}

    def make_topics(self, **config):
        """Makes them, with further settings for all of them (`_` stands for `.`)."""
        more = {key.replace("_", "."): value for key, value in config.items()}
        self.client.create_topics({name: (partitions, {**own, **more}) for name, (partitions, own) in self.topics().items()})

    def repartition_topics(self):
        return {name for name in self.client.topics() if name.startswith(f"{self.id}-") and name.endswith("-repartition")}

    def source_topics(self):
        """What the hosts read, internal topics included."""
        own = {node["topic"] for section in ("sources", "tables") for node in self.said.get(section, {}).values()}
        return own | self.repartition_topics()

    def lag(self):
        """{(topic, partition): records that are not committed} of all source topics."""
        # In this order: what was produced before a commit is then counted.
        committed = self.client.committed(self.id)
        return {at: end - committed.get(at, first) for at, (first, end) in self.client.bounds(self.source_topics()).items()}
