#!/usr/bin/env bash
# Makes up frames for so many minutes and gives them to the host: scripts/fuzz.sh [MINUTES] [LIBFUZZER-ARGUMENTS]
#
# No other compiler than that of the rest: coverage comes from flags of rustc that are stable, and no sanitizer is needed, since what reads a
# frame has no `unsafe`. An input that is found to be wrong is kept beside the build, and its path is printed.
source "$(dirname "$0")/env.sh"
minutes="${1:-1}"
shift || true

# Only what the workspace itself has is compiled anew: the wrapper is for its members.
RUSTC_WORKSPACE_WRAPPER="$root/scripts/sancov.sh" cargo build -p fuzz --features libfuzzer

fuzz="$target/debug/fuzz-frame" corpus=fuzz/corpus/frame
out="$target/fuzz"
mkdir -p "$out/found"
# What is new goes into the first folder; the second one is the repository's.
"$fuzz" -max_total_time="$((minutes * 60))" -timeout=5 -max_len=65536 -print_final_stats=1 -artifact_prefix="$out/" "$@" "$out/found" "$corpus" ||
  { say "put the input, under a name that says what it is, into $corpus, which \`make test\` replays"; exit 1; }

# Of what was found the few that reach code which the repository's inputs do not, short ones first.
reached() { "$fuzz" -runs=0 "$1" 2>&1 | sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p'; }
rm -rf "$out/all" "$out/further"
mkdir "$out/further"
cp -r "$corpus" "$out/all"
most="$(reached "$out/all")"
while read -r input; do
  cp "$out/found/$input" "$out/all"
  now="$(reached "$out/all")"
  if [ "$now" -gt "$most" ]; then cp "$out/found/$input" "$out/further"; most="$now"; else rm "$out/all/$input"; fi
done < <(ls -Sr "$out/found")
say "nothing is wrong; $(ls "$out/further" | wc -l) inputs go further than those of $corpus: $out/further"
