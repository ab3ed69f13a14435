#!/usr/bin/env bash
# Format, clippy and documentation, each without a warning.
source "$(dirname "$0")/env.sh"
cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
# Of what people read: the contract of the SDK and the host; guests document themselves to nobody.
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps -p cofferdam -p cofferdam-guest -p cofferdam-guest-macros
