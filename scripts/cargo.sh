#!/usr/bin/env bash
# cargo, as the other scripts call it.
source "$(dirname "$0")/env.sh"
exec cargo "$@"
