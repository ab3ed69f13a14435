#!/usr/bin/env bash
# Format, clippy and documentation, each without a warning.
source "$(dirname "$0")/env.sh"
cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
