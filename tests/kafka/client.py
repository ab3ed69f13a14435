"""What the tests ask of a broker, by way of Kafka's own client: Client.java, one process that is kept."""
import json
import subprocess
import threading
from itertools import count
from queue import Empty, Queue

from jars import HERE
from waiting import Failed

ANSWER_SECONDS = 30
# A broker that was restarted may keep a producer waiting: Client.java's delivery.timeout.ms, and some.
PRODUCE_SECONDS = 130
FILE_SECONDS = 600


class Client:
    """Answers may come side by side: it can be used from several threads. A context: left, the process is gone."""

    def __init__(self, jars, bootstrap, log):
        self.jars, self.bootstrap, self.log = jars, bootstrap, log
        self.ids, self.waiting, self.lock = count(1), {}, threading.Lock()

    def __enter__(self):
        java = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={HERE}/log4j2.properties"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*java, "-cp", self.jars.kafka, HERE / "Client.java", self.bootstrap],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        threading.Thread(target=self.hear, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def hear(self):
        for line in self.process.stdout:
            reply = json.loads(line)
            with self.lock:
                waiting = self.waiting.pop(reply["id"], None)
            if waiting:
                waiting.put(reply)
        with self.lock:
            orphans, self.waiting = self.waiting, None
        for waiting in orphans.values():
            waiting.put({"error": f"Kafka's client ended; see {self.log}"})

    def ask(self, do, seconds=ANSWER_SECONDS, **more):
        reply = Queue()
        with self.lock:
            if self.waiting is None:
                raise Failed(f"Kafka's client ended; see {self.log}")
            id = next(self.ids)
            self.waiting[id] = reply
            try:
                self.process.stdin.write(json.dumps({"id": id, "do": do, **more}) + "\n")
                self.process.stdin.flush()
            except OSError as why:
                raise Failed(f"Kafka's client ended; see {self.log}") from why
        try:
            said = reply.get(timeout=seconds)
        except Empty:
            raise Failed(f"Kafka's client did not answer within {seconds} s: {do}") from None
        if "error" in said:
            raise Failed(f"{do}: {said['error']}")
        return said["answer"]

    def topics(self):
        """The names of all topics."""
        return set(self.ask("topics"))

    def create_topics(self, topics):
        """{name: (partitions, {setting: text})}"""
        self.ask("create", topics=[{"name": n, "partitions": p, "config": config} for n, (p, config) in topics.items()])

    def delete_topics(self, names):
        self.ask("delete", topics=list(names))

    def delete_records(self, topic, partition, before):
        """Those below an offset, for good."""
        self.ask("delete-records", topic=topic, partition=partition, before=before)

    def config(self, topic):
        """{setting: text}"""
        return self.ask("config", topic=topic)

    def alter(self, topic, config):
        """Changes settings of a topic: {setting: text}."""
        self.ask("alter", topic=topic, config=config)

    def whole(self):
        """Whether each partition has a leader, and all its copies are in step."""
        return self.ask("whole")

    def leads(self, node):
        """Whether any partition is the broker's to lead, as the cluster knows it."""
        return self.ask("leads", node=node)

    def bounds(self, topics):
        """{(topic, partition): (first offset, end)}"""
        return {(t, p): (first, end) for t, p, first, end in self.ask("bounds", topics=list(topics))}

    def committed(self, group):
        """{(topic, partition): next offset}"""
        return {(t, p): offset for t, p, offset in self.ask("committed", group=group)}

    def group(self, group):
        """The group's state, and {member: its partitions}. A static member is called by its `group.instance.id`."""
        found = self.ask("group", group=group)
        return found["state"], {name: {(t, p) for t, p in has} for name, has in found["members"].items()}

    def members(self, group):
        """[{"client", "instance"?}]: what the members of a group call themselves."""
        return self.ask("members", group=group)

    def produce(self, topic, records):
        """Records: {"value"?, "key"?, "partition"?, "timestamp"?}. Back when the broker has them."""
        return self.ask("produce", PRODUCE_SECONDS, topic=topic, records=records)

    def produce_lines(self, topic, file):
        """Lines of a file as values, partition by partition in turn."""
        return self.ask("produce-lines", FILE_SECONDS, topic=topic, file=str(file))

    def read(self, topic, file):
        """A topic from its first record to its present end, as JSON lines of partition, offset, timestamp, key and value."""
        return self.ask("read", FILE_SECONDS, topic=topic, file=str(file))
