#!/usr/bin/env bash
# Builds and tests everything. Each step is shown while it runs; the end says which failed. A step whose build failed is not tried.
source "$(dirname "$0")/env.sh"

summary=() failed=0

# step NAME COMMAND..: runs it, remembers how it ended.
step() {
  local name="$1" began=$SECONDS
  shift
  say "$name"
  if "$@"; then
    summary+=("ok      $name ($((SECONDS - began)) s)")
  else
    summary+=("FAILED  $name ($((SECONDS - began)) s)")
    failed=1
    return 1
  fi
}

finish() {
  say "summary ($SECONDS s)"
  printf '%s\n' "${summary[@]}"
  [ "$failed" -eq 0 ] && echo "everything passed" || echo "FAILED: see above, step by step"
  exit "$failed"
}

build() {
  step "format" cargo fmt --all --check || true
  step "components" scripts/components.sh plugins examples guests bench &&
    step "component in JavaScript" tests/guests/js-word-count/build.sh &&
    step "data of the flights example" scripts/flights-data.sh &&
    step "host" cargo build --workspace
}

build || finish
step "clippy and documentation" scripts/lint.sh || true
step "cargo test" cargo test --quiet --workspace --no-fail-fast || true
step "step files" "$cofferdam" test examples/word-count/steps examples/flights/steps tests/steps || true
step "conformance" "$target/debug/conformance" tests/conformance || true
step "flights, from end to end" tests/flights.sh "$cofferdam" || true
step "word count of a text" tests/word_count.sh "$cofferdam" || true
step "kills" scripts/kill.sh --records 200000 --kills 3 || true
step "Kafka" python3 tests/kafka/run.py "$cofferdam" || true
step "chaos on Kafka" python3 tests/kafka/chaos.py "$cofferdam" --minutes 1.2 --seed 1 || true
step "admin API" scripts/api.sh || true
step "README" python3 tests/readme.py "$cofferdam" || true
finish
