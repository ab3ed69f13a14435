//! A frame of outputs, returned and handed over early. What was found to be wrong stands in `corpus/frame`, which `make test` replays.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cofferdam::sandbox::read_any_frame(bytes));
