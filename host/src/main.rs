//! The command `cofferdam`.

use std::process::ExitCode;

/// librdkafka's threads allocate what stream threads free, and the other way round, two or three pieces for each record: the C library's
/// allocator takes 7 to 16 % of all time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cofferdam::cli::main()
}
