//! How much of the machine's memory the process has.

use std::fs;

/// Bytes that are in the machine's memory; `None` where the system does not say.
pub(super) fn bytes() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_has_some_memory() {
        assert!(super::bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
