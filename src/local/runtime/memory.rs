//! The most memory that an environment's processes ever used.

/// Peak resident memory in MB of the process and its children; 0 if the system does not say.
#[cfg(target_os = "linux")]
pub(super) fn peak_mb(process: u32) -> u64 {
    kb_of(process, 0).div_ceil(1024)
}

/// A shell with a few children is the deepest that is worth looking at.
#[cfg(target_os = "linux")]
fn kb_of(process: u32, depth: u8) -> u64 {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else {
        return 0;
    };
    let own = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .unwrap_or(0);
    if depth == 3 {
        return own;
    }
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok());
    own + children.map(|child| kb_of(child, depth + 1)).sum::<u64>()
}

/// Resident memory in MB as `ps` shows it: the present, for want of the peak.
#[cfg(not(target_os = "linux"))]
pub(super) fn peak_mb(process: u32) -> u64 {
    let shown = std::process::Command::new("ps")
        .args(["-o", "rss=", "-p", &process.to_string()])
        .output();
    let kb = shown.ok().and_then(|out| {
        String::from_utf8(out.stdout)
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    });
    kb.unwrap_or(0).div_ceil(1024)
}
