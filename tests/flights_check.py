#!/usr/bin/env python3
"""Computes the statistics of the flights example from the raw file, by itself, and compares them with what the app wrote.

    flights_check.py FLIGHTS.jsonl AIRPORTS.jsonl STATS.jsonl ALERTS.jsonl [--threshold MINUTES]

Per airport the updates must count 1, 2, 3 ... (nothing lost, nothing doubled), and the last one must be what the raw file gives.
"""
import argparse
import json
import sys
from collections import Counter, defaultdict

LATE_MINUTES = 15


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def expected_statistics(flights, airports):
    sums = defaultdict(lambda: [0, 0, None, 0])
    for flight in flights:
        if flight["origin"] not in airports:
            continue
        entry = sums[flight["origin"]]
        delay = flight["delay"]
        entry[0] += 1
        entry[1] += delay
        entry[2] = delay if entry[2] is None else max(entry[2], delay)
        entry[3] += delay > LATE_MINUTES
    return {
        origin: {
            "airport": origin,
            "name": airports[origin]["name"],
            "city": airports[origin]["city"],
            "flights": count,
            "mean_delay": total / count,
            "max_delay": longest,
            "late_share": late / count,
        }
        for origin, (count, total, longest, late) in sums.items()
    }


def same(a, b):
    return a.keys() == b.keys() and all(
        abs(a[k] - b[k]) <= 1e-9 * max(1, abs(b[k])) if isinstance(b[k], float) else a[k] == b[k] for k in b
    )


def check_statistics(path, expected):
    problems, last, counts = [], {}, Counter()
    for record in lines(path):
        airport, value = record["key"], record["value"]
        counts[airport] += 1
        if value["flights"] != counts[airport]:
            problems.append(f"{airport}: update {counts[airport]} says {value['flights']} flights")
        last[airport] = value
    for airport, value in expected.items():
        if airport not in last:
            problems.append(f"{airport}: no update")
        elif not same(last[airport], value):
            problems.append(f"{airport}: {last[airport]} instead of {value}")
    problems += [f"{airport}: not in the raw file" for airport in last.keys() - expected.keys()]
    return problems, sum(counts.values())


def flight_of(value):
    """What identifies a flight in an alert: whatever of the source's fields it carries."""
    return tuple(value.get(field) for field in ("seq", "date", "delay", "distance", "origin", "destination"))


def check_alerts(path, flights, threshold):
    wanted = Counter(flight_of(f) for f in flights if f["delay"] > threshold)
    got = Counter(flight_of(record["value"]) for record in lines(path))
    problems = [f"alert lost: {flight} x{n}" for flight, n in (wanted - got).items()]
    problems += [f"alert doubled or wrong: {flight} x{n}" for flight, n in (got - wanted).items()]
    return problems, sum(got.values())


def main():
    parser = argparse.ArgumentParser()
    for name in ("flights", "airports", "stats", "alerts"):
        parser.add_argument(name)
    parser.add_argument("--threshold", type=int, default=120)
    args = parser.parse_args()
    airports = {record["key"]: record["value"] for record in lines(args.airports)}
    flights = list(lines(args.flights))
    problems, updates = check_statistics(args.stats, expected_statistics(flights, airports))
    more, alerts = check_alerts(args.alerts, flights, args.threshold)
    problems += more
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    print(f"{len(flights)} flights, {updates} updates, {alerts} alerts, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
