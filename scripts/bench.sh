#!/usr/bin/env bash
# What a record costs: on the embedded log, and on Kafka beside a program without a host and Kafka Streams. Arguments go to bench/kafka.py.
source "$(dirname "$0")/env.sh"
scripts/components.sh plugins guests bench
cargo build --release -p cofferdam -p bench -p native
"$target/release/bench" --json "$target/bench-figures.jsonl"
echo
python3 bench/kafka.py --figures "$target/bench-figures.jsonl" "$@" "$target/release/cofferdam" "$target/release/native"
