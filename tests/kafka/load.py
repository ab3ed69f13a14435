"""Flights that are made up, each with a number, and what must come of them."""
import json
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone

from waiting import Failed

# An airport comes again after so many flights: the count of each then spans a whole run, and a store that lost something shows.
AIRPORTS = 1000
FIRST_FLIGHT = datetime(2001, 1, 1, tzinfo=timezone.utc)
DATE = "%Y/%m/%d %H:%M"
# Delays begin here: beyond two hours, so that each flight becomes an alert.
DELAY_MINUTES = 121
# Between two portions of a steady load.
PORTION_SECONDS = 0.05
JOIN_SECONDS = 150


def airport(number):
    return f"A{number % AIRPORTS:03}"


def airports():
    """Records of the table. Timestamp 0: they are read before every flight."""
    for number in range(AIRPORTS):
        code = airport(number)
        yield {"key": code, "value": json.dumps({"iata": code, "name": f"Airport {number}", "city": "Town"}), "timestamp": 0}


def delay(seq):
    return DELAY_MINUTES + seq % 60


def time_of(minute):
    """The timestamp of a flight of this minute."""
    return round((FIRST_FLIGHT + timedelta(minutes=minute)).timestamp()) * 1000


def flight(seq, minute=None):
    """One flight; without a minute, one after the one before it."""
    return json.dumps(
        {
            "seq": seq,
            "date": (FIRST_FLIGHT + timedelta(minutes=seq if minute is None else minute)).strftime(DATE),
            "delay": delay(seq),
            "distance": 100 + seq % 2000,
            "origin": airport(seq),
            "destination": airport(seq + 1),
        }
    )


def flights(first, minutes, partitions):
    """Flights of these minutes from number `first` on, partition by partition in turn."""
    return [{"value": flight(seq, minute), "partition": seq % partitions} for seq, minute in enumerate(minutes, first)]


class Load(threading.Thread):
    """Flights at a steady rate, until it is stopped."""

    def __init__(self, client, topic, partitions, rate):
        """`rate`: flights a second."""
        super().__init__(daemon=True)
        self.client, self.topic, self.partitions, self.portion = client, topic, partitions, max(1, round(rate * PORTION_SECONDS))
        self.sent, self.why, self.told = 0, None, threading.Event()
        self.start()

    def run(self):
        due = time.monotonic()
        try:
            while not self.told.is_set():
                self.client.produce(self.topic, flights(self.sent, range(self.sent, self.sent + self.portion), self.partitions))
                self.sent += self.portion
                due = max(due + PORTION_SECONDS, time.monotonic() - PORTION_SECONDS)
                self.told.wait(due - time.monotonic())
        except Failed as why:
            self.why = why

    def stop(self):
        """Ends it. Answers how many flights the broker has."""
        self.told.set()
        self.join(JOIN_SECONDS)
        if self.why or self.is_alive():
            raise Failed(f"the load broke off: {self.why or 'the broker does not take it'}")
        return self.sent


class Outcome:
    """What the flights example made of flights 0 to `count`: lost and doubled ones, on both sides of its repartition edge."""

    def __init__(self, count, alerts, statistics, changelog=None, more=()):
        """Files of JSON lines, as Client.read writes them. `changelog`: of the store of the statistics. `more`: the minutes of further flights."""
        self.minutes, self.count, self.problems = [*range(count), *more], count + len(more), []
        self.alerts_lost, self.alerts_doubled = self.of_alerts(alerts)
        self.counts_lost, self.counts_doubled = self.of_statistics(statistics)
        self.wrong = self.of_updates(statistics) + (self.of_changelog(changelog) if changelog else 0)

    def of_alerts(self, file):
        """Each flight is an alert, as it was sent: which ones came, and how often."""
        seen = bytearray(self.count)
        doubled = 0
        for record in lines(file):
            seq = record["value"]["seq"]
            if seq >= self.count:
                self.problems.append(f"alert of flight {seq}, which was never sent")
                continue
            came = (record["key"], record["timestamp"], record["value"])
            if came != (airport(seq), time_of(self.minutes[seq]), json.loads(flight(seq, self.minutes[seq]))):
                self.problems.append(f"flight {seq} became the alert {came}")
            if seen[seq]:
                doubled += 1
            else:
                seen[seq] = 1
        lost = self.count - sum(seen)
        if lost:
            self.problems.append(f"{lost} flights without an alert, the first is {seen.index(0)}")
        return lost, doubled

    def of_statistics(self, file):
        """The last update of each airport says how many flights were counted."""
        expected = Counter({airport(number): len(range(number, self.count, AIRPORTS)) for number in range(min(AIRPORTS, self.count))})
        counted = Counter({record["key"]: record["value"]["flights"] for record in lines(file)})
        missing = expected - counted
        for code, flights_lost in list(missing.items())[:3]:
            self.problems.append(f"{code}: {counted[code]} flights counted, {flights_lost} lost")
        return sum(missing.values()), sum((counted - expected).values())

    def of_updates(self, file):
        """Each update of an airport counts one flight more than the one before it: how many do not."""
        before, wrong = Counter(), 0
        for record in lines(file):
            flights = record["value"]["flights"]
            wrong += flights != before[record["key"]] + 1
            before[record["key"]] = flights
        return wrong

    def of_changelog(self, file):
        """The store of the statistics, as its changelog has it: how many airports are not as their flights make them."""
        expected = {}
        for seq in range(self.count):
            sums = expected.setdefault(airport(seq), {"flights": 0, "late": 0, "delay_sum": 0, "max_delay": 0})
            sums["flights"] += 1
            sums["late"] += 1
            sums["delay_sum"] += delay(seq)
            sums["max_delay"] = max(sums["max_delay"], delay(seq))
        stored = {record["key"]: record["value"] for record in lines(file)}
        wrong = sorted(key for key in {*expected, *stored} if stored.get(key) != expected.get(key))
        if wrong:
            key = wrong[0]
            self.problems.append(f"{len(wrong)} airports stand wrong in the store; {key}: {stored.get(key)}, expected {expected.get(key)}")
        return len(wrong)

    def doubled(self):
        return self.alerts_doubled + self.counts_doubled

    def __str__(self):
        lost = self.alerts_lost + self.counts_lost
        doubled = f"doubled {self.alerts_doubled} alerts and {self.counts_doubled} counts"
        return f"{self.count} flights, {lost} lost, {doubled}, {self.wrong} updates wrong"


def lines(file):
    with open(file, encoding="utf-8") as records:
        for line in records:
            yield json.loads(line)
