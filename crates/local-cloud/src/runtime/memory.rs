//! How much memory an environment's processes use: the peak for REPORT, and whether it is too much.
//!
//! On AWS the limit holds for the whole sandbox. Mapped files do not count: the kernel drops their pages when it
//! needs memory. So the limit is compared with anonymous and shared memory, and REPORT shows, as AWS does, whatever
//! was resident, up to the size.
//!
//! A forked child shows its parent's pages as its own, so the plain sum over several processes may be far too
//! high. It is only the first, cheap check; the proportional set size decides.

use std::time::Duration;

/// How often a working process is checked. A check takes some microseconds.
#[cfg(target_os = "linux")]
pub(super) const INTERVAL: Duration = Duration::from_millis(10);
/// `ps` is a process of its own.
#[cfg(not(target_os = "linux"))]
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// How many levels of children are counted: enough for a shell with a few commands.
#[cfg(target_os = "linux")]
const DEPTH: u8 = 3;

/// Peak resident memory in MB of the process and its children; 0 if the system does not say.
#[cfg(target_os = "linux")]
pub(super) fn peak_mb(process: u32) -> u64 {
    let tree = tree(process, 0);
    let kb = tree.into_iter().map(|one| status_kb(one, &["VmHWM:"]));
    kb.sum::<u64>().div_ceil(1024)
}

/// Whether the process and its children use more than so many MB.
#[cfg(target_os = "linux")]
pub(super) fn exceeds(process: u32, size_mb: u32) -> bool {
    let limit = u64::from(size_mb) * 1024;
    let tree = tree(process, 0);
    let sum = |kb: &dyn Fn(u32) -> u64| tree.iter().map(|one| kb(*one)).sum::<u64>();
    let seen = sum(&|one| status_kb(one, &["RssAnon:", "RssShmem:"]));
    seen > limit && (tree.len() == 1 || sum(&proportional_kb) > limit)
}

#[cfg(target_os = "linux")]
fn tree(process: u32, depth: u8) -> Vec<u32> {
    let mut found = vec![process];
    if depth < DEPTH {
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        found.extend(children.flat_map(|child| tree(child, depth + 1)));
    }
    found
}

#[cfg(target_os = "linux")]
fn status_kb(process: u32, members: &[&str]) -> u64 {
    members_kb(&format!("/proc/{process}/status"), members)
}

/// A page that several processes share counts once in all. Costs more: the kernel walks every page.
#[cfg(target_os = "linux")]
fn proportional_kb(process: u32) -> u64 {
    let members = ["Pss_Anon:", "Pss_Shmem:"];
    members_kb(&format!("/proc/{process}/smaps_rollup"), &members)
}

/// The sum of some members of a file with lines such as `VmHWM:    1234 kB`.
#[cfg(target_os = "linux")]
fn members_kb(file: &str, members: &[&str]) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let kb = |line: &str| {
        let value = members.iter().find_map(|name| line.strip_prefix(name))?;
        value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    text.lines().filter_map(kb).sum()
}

/// Resident memory in MB as `ps` shows it, which does not know the peak.
#[cfg(not(target_os = "linux"))]
pub(super) fn peak_mb(process: u32) -> u64 {
    resident_kb(process).div_ceil(1024)
}

/// Whether the process itself uses more than so many MB; `ps` does not show more.
#[cfg(not(target_os = "linux"))]
pub(super) fn exceeds(process: u32, size_mb: u32) -> bool {
    resident_kb(process) > u64::from(size_mb) * 1024
}

#[cfg(not(target_os = "linux"))]
fn resident_kb(process: u32) -> u64 {
    let shown = std::process::Command::new("ps")
        .args(["-o", "rss=", "-p", &process.to_string()])
        .output();
    let text = shown
        .ok()
        .and_then(|out| String::from_utf8(out.stdout).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_is_seen_and_measured_against_a_size() {
        let me = std::process::id();
        let eaten = vec![1_u8; 96 << 20];
        assert!(exceeds(me, 64) && !exceeds(me, 1 << 20));
        assert!(peak_mb(me) >= 96);
        drop(eaten);
    }

    #[test]
    fn members_are_added_up_and_a_missing_file_is_nothing() {
        let me = std::process::id();
        let anonymous = status_kb(me, &["RssAnon:"]);
        assert!(anonymous > 0 && status_kb(me, &["RssAnon:", "RssFile:"]) > anonymous);
        assert!(proportional_kb(me) > 0);
        assert_eq!(members_kb("/proc/none/status", &["VmHWM:"]), 0);
    }
}
