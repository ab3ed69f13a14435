#!/usr/bin/env bash
# The flights example with two threads, in a copy of its folder elsewhere: held against the raw file, at once and after a restart.
#
#     flights.sh COFFERDAM
set -euo pipefail
cofferdam="$1"
tests="$(cd "$(dirname "$0")" && pwd)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cp -r "$tests"/../examples/flights/{app.toml,components,flights.jsonl,airports.jsonl} "$folder"
cd "$folder"

run() {
  "$cofferdam" run app.toml --input airports=airports.jsonl --input flights="$1" --output stats=stats.out.jsonl --output alerts=alerts.out.jsonl --until-idle
}
check() { python3 "$tests/flights_check.py" "$1" airports.jsonl stats.out.jsonl alerts.out.jsonl; }

run flights.jsonl
check flights.jsonl
echo "again: nothing is produced or counted twice"
run flights.jsonl
check flights.jsonl
echo "more flights after a restart: the statistics go on where they stood"
head -n 5000 flights.jsonl >more.jsonl
run more.jsonl
cat flights.jsonl more.jsonl >all.jsonl
check all.jsonl
