#!/usr/bin/env bash
# Tests against a real Kafka. Arguments: a script of tests/kafka, then its own.
source "$(dirname "$0")/env.sh"
script="$1"
shift
exec python3 "tests/kafka/$script" "$cofferdam" "$@"
