//! Finds what the kernel complained about in a console log.
//!
//! Only lines with the kernel's time stamp count, so that a program's own words on the console do not.

use std::fmt;

/// One complaint of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What kind of complaint.
    pub kind: ComplaintKind,
    /// The line without its time stamp.
    pub line: String,
}

/// Kinds of complaint, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComplaintKind {
    /// The kernel gave up.
    Panic,
    /// A fault in kernel mode.
    Oops,
    /// A failed assertion, or memory found corrupted (slab debugging, list and reference checks).
    Bug,
    /// A task, processor or grace period that is stuck.
    Stall,
    /// `WARN_ON` and its kin.
    Warning,
}

/// Beginnings of messages and what they mean. Sources: `kernel/panic.c`, `arch/arm64/kernel/traps.c` and
/// `mm/fault.c`, `mm/slub.c`, `lib/list_debug.c`, `lib/refcount.c`, `lib/ubsan.c`, `kernel/hung_task.c`,
/// `kernel/watchdog.c`, `kernel/rcu/tree_stall.h`.
const BEGINNINGS: [(&str, ComplaintKind); 19] = [
    ("Kernel panic - ", ComplaintKind::Panic),
    ("Internal error: ", ComplaintKind::Oops),
    ("Oops", ComplaintKind::Oops),
    ("Unable to handle kernel ", ComplaintKind::Oops),
    ("kernel BUG at ", ComplaintKind::Bug),
    ("BUG: ", ComplaintKind::Bug),
    ("BUG ", ComplaintKind::Bug),
    ("FIX ", ComplaintKind::Bug),
    ("list_add corruption", ComplaintKind::Bug),
    ("list_del corruption", ComplaintKind::Bug),
    ("refcount_t: ", ComplaintKind::Bug),
    ("UBSAN: ", ComplaintKind::Bug),
    ("SError Interrupt on ", ComplaintKind::Oops),
    ("INFO: task ", ComplaintKind::Stall),
    ("watchdog: BUG: ", ComplaintKind::Stall),
    ("rcu: INFO: ", ComplaintKind::Stall),
    ("INFO: rcu_", ComplaintKind::Stall),
    ("WARNING: ", ComplaintKind::Warning),
    ("DMA-API: ", ComplaintKind::Warning),
];

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "kernel {:?}: {}", self.kind, self.line)
    }
}

/// Every complaint in `log`, in order.
pub fn kernel_complaints(log: &str) -> Vec<Complaint> {
    log.lines()
        .filter_map(kernel_message)
        .filter_map(judge)
        .collect()
}

/// Text behind `[   12.345678] ` and, where the kernel prints it, the caller (`[    T1] `).
fn kernel_message(line: &str) -> Option<&str> {
    let (stamp, text) = line.trim_end().strip_prefix('[')?.split_once("] ")?;
    let (seconds, fraction) = stamp.trim().split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) {
        return None;
    }
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((caller, message)) if caller.trim_start().starts_with(['T', 'C']) => Some(message),
        _ => Some(text),
    }
}

fn judge(message: &str) -> Option<Complaint> {
    let (_, kind) = BEGINNINGS
        .iter()
        .find(|(beginning, _)| message.starts_with(beginning))?;
    Some(Complaint {
        kind: *kind,
        line: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(log: &str) -> Vec<ComplaintKind> {
        kernel_complaints(log)
            .iter()
            .map(|complaint| complaint.kind)
            .collect()
    }

    #[test]
    fn a_use_after_free_with_panic() {
        let log = "\
[   41.001200] imx283 10-001a: Error reading reg 0x3000: -6\r
[   41.123456] Unable to handle kernel paging request at virtual address 6b6b6b6b6b6b6b6b\r
[   41.123999] Internal error: Oops: 0000000096000004 [#1]  SMP\r
[   41.124000] Modules linked in: imx283 rp1_cfe\r
[   41.125000] Kernel panic - not syncing: Oops: Fatal exception\r
";
        use ComplaintKind::{Oops, Panic};
        assert_eq!(kinds(log), [Oops, Oops, Panic]);
        assert_eq!(
            kernel_complaints(log)[2].to_string(),
            "kernel Panic: Kernel panic - not syncing: Oops: Fatal exception"
        );
    }

    #[test]
    fn slab_debugging_warnings_and_stalls() {
        let log = "\
[    9.5] BUG kmalloc-1k (Not tainted): Poison overwritten
[    9.6] FIX kmalloc-1k: Restoring Poison 0x000000001=0x6b
[   10.000001] [   T7] WARNING: CPU: 0 PID: 7 at drivers/media/mc/mc-entity.c:1 foo+0x1/0x2
[   11.000001] [   C1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
[  242.700000] INFO: task cam:311 blocked for more than 120 seconds.
[  243.0] refcount_t: underflow; use-after-free.
";
        use ComplaintKind::{Bug, Stall, Warning};
        assert_eq!(kinds(log), [Bug, Bug, Warning, Stall, Stall, Bug]);
    }

    #[test]
    fn peace() {
        let log = "\
[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd083]
[    0.000000] Kernel command line: console=ttyAMA0 oops=panic slub_debug=FZPU
[    0.8] INFO: not a task
WARNING: the program says so
BUG: says the program
[0:00:11.123] [311] WARNING: libcamera's own time stamp
[    1.0] BUGS are not meant
";
        assert_eq!(kinds(log), []);
    }
}
