#!/usr/bin/env bash
# Measures below the level of whole apps, in the optimised build that `make bench` has too.
#
#     scripts/measured.sh counts [--write]    instructions of single functions, beside bench/counts.tsv
#     scripts/measured.sh micro [FILTER]      their time
#     scripts/measured.sh profile WORKLOAD    a flame graph of a workload of bench/apps/kafka, run on the embedded log
source "$(dirname "$0")/env.sh"

what="$1"
shift
workloads=(copy filter-map count-memory count join)
case "$what" in
  counts) scripts/setup.sh valgrind ;;
  profile)
    workload="$1"
    [[ " ${workloads[*]} " == *" $workload "* ]] || { echo "error: there is no workload '$workload'. hint: WORKLOAD=${workloads[*]}" >&2; exit 1; }
    scripts/setup.sh perf:linux-perf
    scripts/components.sh plugins bench
    ;;
  micro) scripts/components.sh plugins guests ;;
  *) echo "error: measured.sh counts|micro|profile, not '$what'" >&2; exit 1 ;;
esac

built="$target/release"

case "$what" in
  counts)
    cargo build --release -p micro
    python3 bench/counts.py "$built/counts" "$@"
    ;;
  micro)
    cargo bench -p micro --features criterion -- "$@"
    ;;
  profile)
    cargo build --release -p bench --features flame
    out="$target/profile"
    mkdir -p "$out"
    # The host has no frame pointers, so perf keeps the top of the stack and reads who called whom out of its unwind tables. It finds none for
    # a guest's code: there a stack begins anew.
    # The shell in between says by which number perf will know the map of the guests' functions.
    perf record --quiet --freq 1999 --call-graph dwarf,16384 --output "$out/$workload.data" \
      bash -c 'echo $$ > "$0"; exec "$@"' "$out/pid" "$built/bench" --perf-map "bench/apps/kafka/$workload.toml" "${RECORDS:-500000}" ||
      { echo "error: perf could not record. hint: the kernel must let it: sysctl kernel.perf_event_paranoid=2, and in a container perf_event_open" >&2; exit 1; }
    perf script --no-inline --input "$out/$workload.data" 2>/dev/null | "$built/flame" "cofferdam, $workload" "$out/$workload.svg"
    rm -f "/tmp/perf-$(cat "$out/pid").map" "$out/pid" "$out/$workload.data"
    say "$out/$workload.svg"
    echo "CPU time by stack, first the threads; functions of guests by name (long ones cut off), the kernel's end in _[k]"
    echo "what a guest's function calls stands above it; who called the guest does not stand below it"
    ;;
esac
