#!/usr/bin/env bash
# Builds components, all in one call of cargo, and puts each where it belongs.
#
#     scripts/components.sh [plugins] [examples] [bench] [guests]
source "$(dirname "$0")/env.sh"

# Sets, as FOLDER:PACKAGE.
plugins=(plugins/dist:table)
examples=(
  examples/word-count/components:word-count
  examples/flights/components:by-origin
  examples/flights/components:with-airport
  examples/flights/components:statistics
  examples/flights/components:alerts
)
bench=(bench/dist:bench-pass bench/dist:bench-filter-map bench/dist:bench-count bench/dist:bench-join)
guests=(
  tests/guests/dist:probe
  tests/guests/dist:operators
  tests/guests/dist:guest-min
  tests/guests/dist:keeper
  tests/guests/dist:store-script
  tests/guests/dist:namer
  tests/guests/dist:ticker
  tests/guests/dist:tumbler
  tests/guests/dist:word-count-next
)

wanted=()
for set in "$@"; do
  declare -n places="$set"
  wanted+=("${places[@]}")
done

packages=()
for place in "${wanted[@]}"; do packages+=(-p "${place#*:}"); done
cargo build --quiet -p componentize
"$target/debug/componentize" --out "$target/components" . "${packages[@]}"

for place in "${wanted[@]}"; do
  package="${place#*:}" file="${package//-/_}.wasm"
  # Left alone when it is the same: the host is built anew when a stock component changes.
  cmp -s "$target/components/$file" "${place%:*}/$file" || install -D -m 644 "$target/components/$file" "${place%:*}/$file"
done
