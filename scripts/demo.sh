#!/usr/bin/env bash
# The flights example on the embedded log, from an empty state, and what came out of it. `make demo` has built everything by now.
source "$(dirname "$0")/env.sh"

out="$target/demo"
rm -rf "$out"
mkdir -p "$out"
cd examples/flights

say "20,000 flights, four partitions, two threads"
run=("$cofferdam" run app.toml --state-dir "$out/state" --until-idle
  --input airports=airports.jsonl --input flights=flights.jsonl
  --output "stats=$out/stats.jsonl" --output "alerts=$out/alerts.jsonl")
"${run[@]}"
python3 top.py "$out/stats.jsonl" "$out/alerts.jsonl"

cat <<TXT

Try next (cofferdam is ${cofferdam/#"$HOME"/\~}):
  cofferdam describe examples/flights/app.toml       the topology; with --mermaid as a picture
  cofferdam test examples/flights/steps              what it does with late, broken and unknown flights
  cofferdam new my-app                               an application of your own; README.md goes on from there
TXT
