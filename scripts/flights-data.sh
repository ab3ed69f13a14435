#!/usr/bin/env bash
# Makes the flights example's data, from the npm package of vega-datasets, where they are not there yet.
source "$(dirname "$0")/env.sh"

example=examples/flights
if [ "$example/flights.jsonl" -nt "$example/make-data.mjs" ] && [ "$example/airports.jsonl" -nt "$example/make-data.mjs" ]; then exit 0; fi
scratch="$target/flights-data"
mkdir -p "$scratch"
npm install --prefix "$scratch" --no-save --no-package-lock --no-audit --no-fund --loglevel=error vega-datasets@3.2.1
node "$example/make-data.mjs" "$scratch/node_modules/vega-datasets"
