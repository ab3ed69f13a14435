"""Records at a steady rate, each with its own partition and offset as its key."""
import threading
import time

from waiting import Failed

# Between two portions.
PORTION_SECONDS = 0.05
JOIN_SECONDS = 150


def ordinal(key):
    """Partition and offset of a record, from its key."""
    partition, _, offset = key.partition("/")
    return int(partition), int(offset)


class Steady(threading.Thread):
    """From now on, until it is stopped."""

    def __init__(self, client, topic, partitions, rate):
        """`rate`: records a second, of all partitions together. Nobody else may write the topic."""
        super().__init__(daemon=True)
        self.client, self.topic, self.each = client, topic, max(1, round(rate * PORTION_SECONDS / partitions))
        self.sent = dict.fromkeys(range(partitions), 0)
        self.why, self.told, self.began = None, threading.Event(), time.monotonic()
        self.start()

    def run(self):
        due = time.monotonic()
        try:
            while not self.told.is_set():
                # One after the other, by one producer: so a record's offset is known beforehand.
                self.client.produce(self.topic, self.portion())
                for partition in self.sent:
                    self.sent[partition] += self.each
                # What the broker has held up is made up for.
                due += PORTION_SECONDS
                self.told.wait(max(0.0, due - time.monotonic()))
        except Failed as why:
            self.why = why

    def portion(self):
        return [
            {"key": f"{partition}/{offset}", "value": "x", "partition": partition}
            for partition, sent in self.sent.items()
            for offset in range(sent, sent + self.each)
        ]

    def stop(self):
        """Ends it. Answers {partition: records}, all of which the broker has."""
        self.told.set()
        self.join(JOIN_SECONDS)
        if self.why or self.is_alive():
            raise Failed(f"the load broke off: {self.why or 'the broker does not take it'}")
        return dict(self.sent)
