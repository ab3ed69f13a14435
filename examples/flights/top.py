#!/usr/bin/env python3
"""Shows the busiest and the latest airports, by the last update of each.

    python3 top.py STATS.jsonl [ALERTS.jsonl]
"""
import json
import sys

ROWS = 10
# A mean of fewer flights says little.
FLIGHTS_AT_LEAST = 100


def table(title, airports):
    print(f"\n{title}\n")
    print(f"  {'':3}  {'airport':<36}  {'city':<20}  {'flights':>7}  {'mean delay':>10}  {'longest':>9}  {'late':>5}")
    for row in airports[:ROWS]:
        print(
            f"  {row['airport']:3}  {row['name'][:36]:<36}  {row['city'][:20]:<20}  {row['flights']:>7,}  "
            f"{row['mean_delay']:>6.1f} min  {row['max_delay']:>5} min  {row['late_share']:>5.0%}"
        )


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main():
    last = {record["key"]: record["value"] for record in lines(sys.argv[1])}.values()
    table("Busiest airports", sorted(last, key=lambda row: (-row["flights"], row["airport"])))
    often = [row for row in last if row["flights"] >= FLIGHTS_AT_LEAST]
    table(
        f"Latest airports, of those with {FLIGHTS_AT_LEAST} flights or more",
        sorted(often, key=lambda row: (-row["mean_delay"], row["airport"])),
    )
    flights = sum(row["flights"] for row in last)
    alerts = f"; {len(lines(sys.argv[2])):,} delays beyond two hours" if len(sys.argv) > 2 else ""
    print(f"\n{flights:,} flights from {len(last)} airports{alerts}")


if __name__ == "__main__":
    main()
