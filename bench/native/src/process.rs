//! What a process has needed so far (proc(5)).

use std::fs;

use anyhow::{Context, Result};

/// User and system time, in seconds: fields 14 and 15 of `stat`, in hundredths.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// The most memory that it ever had, in MB.
pub fn peak_mb(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.split_whitespace().next().context("VmHWM is empty")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
