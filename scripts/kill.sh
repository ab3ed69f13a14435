#!/usr/bin/env bash
# Kills the flights example again and again, and looks at what came out. Arguments: those of tests/kill_embedded.py.
source "$(dirname "$0")/env.sh"
exec python3 tests/kill_embedded.py "$cofferdam" examples/flights "$@"
