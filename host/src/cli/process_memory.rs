//! What the process keeps of the machine's memory without using it.
//!
//! Half of the code that is read in for a start (the compiler of components, readers of manifests and schemas) is never executed again; the
//! system would keep it until memory is short. And the allocator keeps what was freed, in case it is wanted again: by its own defaults for a
//! second, in which a third of the memory of a busy host is such.

#![allow(unsafe_code, reason = "tells the system what the process does not need in memory")]

use std::ffi::c_long;
use std::fs;
use std::ops::Range;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};
use rustix::mm::{Advice, madvise};

/// What is free goes back to the system after so long: soon beside what a peak lasts, late beside what a record takes.
const FREE_KEPT_MS: c_long = 100;
/// `mi_option_purge_delay` of mimalloc 3, which the bindings leave out.
const PURGE_DELAY: mi_option_t = 15;

/// To be called before there are threads. `MIMALLOC_PURGE_DELAY` in the environment goes before it.
pub(super) fn give_back_soon() {
    // SAFETY: a number in a table of the allocator, written while nobody else reads it.
    unsafe { mi_option_set_default(PURGE_DELAY, FREE_KEPT_MS) };
}

/// Lets go of all code of the program. What is still executed comes back from the system's cache of files, where it stays.
pub(super) fn give_back_code() {
    let (Ok(maps), Ok(program)) = (fs::read_to_string("/proc/self/maps"), fs::read_link("/proc/self/exe")) else { return };
    for range in program.to_str().into_iter().flat_map(|program| code(&maps, program)) {
        // SAFETY: a private mapping of a file that nobody can write to holds what the file has, now and when it is read in anew.
        if let Err(error) = unsafe { madvise(std::ptr::with_exposed_provenance_mut(range.start), range.len(), Advice::LinuxDontNeed) } {
            tracing::debug!("the code of the start stays in memory: {error}");
        }
    }
}

/// Where the code of a program is mapped.
fn code(maps: &str, program: &str) -> impl Iterator<Item = Range<usize>> {
    maps.lines().filter_map(move |line| {
        let mut words = line.split_ascii_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        let path = line.split_once('/').map(|(_, path)| path)?;
        let (begin, end) = range.split_once('-')?;
        let is_code = rights == "r-xp" && program.strip_prefix('/') == Some(path);
        is_code.then_some(usize::from_str_radix(begin, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_that_of_the_delay() {
        // SAFETY: a number is read, and written where nobody else writes it.
        let (allocators_own, ours) = unsafe {
            let allocators_own = libmimalloc_sys::mi_option_get(PURGE_DELAY);
            give_back_soon();
            (allocators_own, libmimalloc_sys::mi_option_get(PURGE_DELAY))
        };
        // No other option of mimalloc 3 has this default.
        assert_eq!((allocators_own, ours), (1_000, FREE_KEPT_MS));
    }

    #[test]
    fn only_code_of_the_program_is_let_go_of() {
        let maps = "55d0-55e0 r--p 00000000 fe:00 17 /usr/bin/cofferdam\n\
                    55e0-55f0 r-xp 00010000 fe:00 17 /usr/bin/cofferdam\n\
                    55f0-5600 rw-p 00020000 fe:00 17 /usr/bin/cofferdam\n\
                    5600-5610 rw-p 00000000 00:00 0 [heap]\n\
                    7f00-7f10 r-xp 00000000 fe:00 18 /usr/lib/libc.so.6\n";
        let found: Vec<_> = code(maps, "/usr/bin/cofferdam").map(|range| (range.start, range.end)).collect();
        assert_eq!(found, [(0x55e0, 0x55f0)]);
        give_back_code();
        assert_eq!(code(maps, "/usr/bin/other").count(), 0, "it goes on");
    }
}
