//! The state of the guest.

use std::fs;
use std::path::Path;

use protocol::response::Metrics;

/// Returns the state of the guest.
pub fn read(home: &Path) -> Metrics {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let uptime = read("/proc/uptime");
    let seconds = uptime
        .split_whitespace()
        .next()
        .and_then(|text| text.parse::<f64>().ok());
    let memory = read("/proc/meminfo");
    let own = read("/proc/self/status");
    let disk = disk(home);
    let (processes, zombies) = processes();
    Metrics {
        uptime_ms: seconds.map(|seconds| (seconds * 1000.0) as u64),
        memory_total_kib: field(&memory, "MemTotal:"),
        memory_available_kib: field(&memory, "MemAvailable:"),
        swap_total_kib: field(&memory, "SwapTotal:"),
        swap_free_kib: field(&memory, "SwapFree:"),
        agent_rss_kib: field(&own, "VmRSS:"),
        disk_total_kib: disk.map(|(total, _)| total),
        disk_free_kib: disk.map(|(_, free)| free),
        processes: Some(processes),
        zombies: Some(zombies),
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn disk(home: &Path) -> Option<(u64, u64)> {
    let status = rustix::fs::statvfs(home).ok()?;
    let kib = |blocks: u64| blocks.saturating_mul(status.f_frsize) / 1024;
    Some((kib(status.f_blocks), kib(status.f_bavail)))
}

/// Counts processes and zombies.
fn processes() -> (u64, u64) {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            entry.file_name().to_str()?.parse::<u32>().ok()?;
            let status = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name before it may contain anything.
            let (_, rest) = status.rsplit_once(") ")?;
            Some(u64::from(rest.starts_with('Z')))
        })
        .fold((0, 0), |(all, ended), one| (all + 1, ended + one))
}
