#!/usr/bin/env bash
# A wrapper of rustc for fuzz.sh: the host's library tells libFuzzer which of its ways are taken, and what it compares with what.
set -euo pipefail
case " $* " in
  *" --crate-name cofferdam "*)
    set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
      -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
    ;;
esac
exec "$@"
