#!/usr/bin/env bash
# Holds the admin API against its document: schemathesis asks a host that runs the word count for all that the document allows, and for what it
# does not. Where it cannot be fetched this says so and is skipped; with CI set, or with COFFERDAM_REQUIRE_API=1, that is a failure.
#
#     api.sh [REQUESTS]     at most so many for each path and method; 25 unless said
source "$(dirname "$0")/env.sh"
requests="${1:-25}"

venv="${XDG_CACHE_HOME:-$HOME/.cache}/cofferdam/schemathesis-$(sha256sum tests/api/requirements.txt | cut -c 1-12)"
if ! [ -e "$venv/ready" ]; then
  say "fetching schemathesis into $venv"
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --requirement tests/api/requirements.txt && touch "$venv/ready"; }; then
    echo "SKIPPED: the admin API is not held against its document: schemathesis cannot be fetched from PyPI" >&2
    [ -z "${CI:-}${COFFERDAM_REQUIRE_API:-}" ]
    exit
  fi
fi

folder="$(mktemp -d)" host=
stop() {
  [ -z "$host" ] || { kill "$host" && wait "$host" || true; } 2>/dev/null
  rm -rf "$folder"
}
trap stop EXIT
"$cofferdam" run examples/word-count/app.toml --state-dir "$folder/state" --input lines=LICENSE --listen 127.0.0.1:0 2>"$folder/log" &
host=$!
for _ in $(seq 300); do
  url="$(sed -n 's/.*admin API at \(http[^,]*\),.*/\1/p' "$folder/log")"
  # Until it answers for its stores.
  [ -n "$url" ] && "$cofferdam" query examples/word-count/app.toml counts the --state-dir "$folder/state" >/dev/null 2>&1 && break
  kill -0 "$host" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done

# What excludes each other cannot be said in the document, so a request that it allows may be refused: `positive_data_acceptance` is left out.
"$venv/bin/st" run host/schema/openapi.json --url "$url" --header "Authorization: Bearer $(cat "$folder/state/token")" \
  --max-examples "$requests" --seed 1 --exclude-checks positive_data_acceptance --generation-database none --continue-on-failure \
  --warnings off --no-color --request-timeout 30 || { tail -n 20 "$folder/log" >&2; exit 1; }
kill -0 "$host" || { echo "error: the host has ended" >&2; cat "$folder/log" >&2; exit 1; }
! grep -E 'panicked|WARN|ERROR' "$folder/log" || { echo "error: the host complains" >&2; exit 1; }
