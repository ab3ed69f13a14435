# Sourced by the other scripts: where things are built, and how.

set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

target="${CARGO_TARGET_DIR:-target}"
case "$target" in /*) ;; *) target="$root/$target" ;; esac
export CARGO_TARGET_DIR="$target"
export cofferdam="$target/debug/cofferdam"

# By way of PATH: were it in CC and CXX, a plain `cargo build` afterwards would compile RocksDB anew.
if [ -x /usr/lib/ccache/cc ]; then export PATH="/usr/lib/ccache:$PATH"; fi

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
