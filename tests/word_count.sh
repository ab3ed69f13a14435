#!/usr/bin/env bash
# Word count of a licence's text, in Rust and in JavaScript, held against a count by Python.
#
#     word_count.sh COFFERDAM
set -euo pipefail
cofferdam="$1"
root="$(cd "$(dirname "$0")/.." && pwd)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

for manifest in "$root/examples/word-count/app.toml" "$root/tests/steps/js-word-count/app.toml"; do
  "$cofferdam" run "$manifest" --state-dir "$folder/state" --input "lines=$root/LICENSE" --output "counts=$folder/counts.jsonl" --until-idle
  python3 - "$root/LICENSE" "$folder/counts.jsonl" <<'PYTHON'
import json, re, sys
from collections import Counter

text = open(sys.argv[1], encoding="utf-8").read()
expected = Counter(re.findall(r"[^\W\d_]+", text.lower()))
got = {}
for line in open(sys.argv[2], encoding="utf-8"):
    record = json.loads(line)
    got[record["key"]] = int(record["value"])
assert got == expected, {word: (got.get(word), expected.get(word)) for word in got.keys() | expected.keys() if got.get(word) != expected.get(word)}
print(f"{sum(got.values())} words, {len(got)} different")
PYTHON
  rm -rf "$folder/state"
done
