"""Flights counted by airport and week: a part of an app that keeps windows, beside what the flights example does already."""
import base64
from collections import Counter

from load import AIRPORTS, airport, lines, time_of
from waiting import expect

WEEK_MS = 7 * 86_400_000
MINUTE_MS = 60_000
# Flights of several partitions meet, some late by all that a host was away: none must be too late.
PART = """
[topics.airport-weeks]
partitions = 4

[processors.by-week]
component = "guests/tumbler.wasm"
from = ["with-airport"]
stores = ["weeks"]

[stores.weeks]
kind = "window"
window = "7d"
retention = "3650d"

[sinks.weeks]
topic = "airport-weeks"
from = ["by-week"]
"""


def week(minute):
    """When it began."""
    return time_of(minute) // WEEK_MS * WEEK_MS


def questions(count):
    """After flights 0 to `count`: the minutes of further ones, of each airport one in each week. What comes of them, a store has to have every row
    for; changelogs alone do not tell what a host has."""
    weeks = range(week(0), week(count - 1) + 1, WEEK_MS)
    firsts = [max(start - time_of(0), 0) // MINUTE_MS for start in weeks]
    return [first + number for first in firsts for number in range(AIRPORTS)]


def check(case, app, count, more):
    """Of flights 0 to `count`, and of those of `more`, each has been counted in its week, once: in the output, update by update, and in the store's
    changelog."""
    expected = Counter(f"{airport(seq)}@{week(minute)}" for seq, minute in enumerate([*range(count), *more]))
    files = {name: app.folder / f"{name}.jsonl" for name in ("airport-weeks", "weeks-changelog")}
    case.client.read(app.topic("airport-weeks"), files["airport-weeks"])
    case.client.read(f"{app.id}-weeks-changelog", files["weeks-changelog"])
    counted, wrong = Counter(), 0
    for record in lines(files["airport-weeks"]):
        wrong += int(record["value"]) != counted[record["key"]] + 1
        counted[record["key"]] = int(record["value"])
    lost, doubled = (expected - counted).total(), (counted - expected).total()
    stored = Counter({key_of(record["key"]): int(record["value"]) for record in lines(files["weeks-changelog"])})
    amiss = sum(stored[key] != expected[key] for key in {*stored, *expected})
    said = f"{len(expected)} airports and weeks, {lost} lost, {doubled} doubled, {wrong} updates wrong, {amiss} wrong in the store"
    expect(not (lost or doubled or wrong or amiss), said)
    return said


def key_of(key):
    """What a key of the changelog is called in the output: behind the airport stands the window's start."""
    key = base64.b64decode(key["base64"]) if isinstance(key, dict) else key.encode()
    return f"{key[:-8].decode()}@{int.from_bytes(key[-8:], 'big', signed=True)}"
