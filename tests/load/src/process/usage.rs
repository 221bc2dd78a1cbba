//! What a process uses, as Linux tells it.

use std::{fs, time::Duration};

use anyhow::Context;

/// The kernel counts the time of processes in hundredths of a second on every platform.
const TICK: Duration = Duration::from_millis(10);

/// Bytes of memory that are resident.
pub(crate) fn resident_bytes(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    resident(&status).context("the system does not tell the memory of a process")
}

/// Processor time that was used so far, by the process and the kernel for it.
pub(crate) fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks(&stat).context("the system does not tell the time of a process")?;
    Ok(TICK * ticks)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

/// User and system time, the 14th and 15th field; the second is a name in brackets that may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_read() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   2048 kB\nThreads:\t1\n"), Some(2_097_152));
        assert_eq!(resident("Name:\tx\n"), None);
        assert_eq!(ticks("1 (a b) c) S 1 1 1 0 -1 4194560 9 0 0 0 70 30 0 0 20 0"), Some(100));
        assert!(resident_bytes(std::process::id()).expect("our own") > 0);
        cpu_time(std::process::id()).expect("our own");
    }
}
