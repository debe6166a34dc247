//! What must not be done: unbinding a sensor while something of its chain is open.
//!
//! Only for a guest that is thrown away. Today's kernel oopses or reports a use after free; this says whether it
//! still does, which is why the driver side never unbinds on an unplug.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::kernel::{self, SENSOR};
use crate::orders::Port;
use anyhow::{Context, Result};
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "unsafe_unbind",
    about: "unbinding a sensor that is open: the known kernel bug (for a disposable guest)",
    tests: &[Test {
        name: "a sensor is unbound while its subdevice is open",
        run: subdevice,
    }],
    complaints: Complaints::Expected,
};

/// The kernel's report may come from a worker, a little later.
const SETTLE: Duration = Duration::from_secs(2);

fn subdevice(bench: &mut Bench) -> Result<Verdict> {
    let mark = kernel::mark("subdevice")?;
    let node = Port::Mount.subdevice()?;
    // Another program holds the node, so that the oops in its end is not this one's.
    let open = File::open(&node).with_context(|| format!("opening {node}"))?;
    let mut holder = Command::new("busybox")
        .args(["sleep", "1000"])
        .stdin(Stdio::from(open))
        .spawn()
        .context("starting a program that holds the subdevice")?;
    let unbound = SENSOR.unbind(&Port::Mount.sensor()?);
    bench.note(&format!("unbind of {node} while it is open: {unbound:?}"));
    holder
        .kill()
        .context("ending the program that holds the subdevice")?;
    std::thread::sleep(SETTLE);
    let complaints = kernel::complaints_since(Some(&mark))?;
    for complaint in &complaints {
        bench.note(complaint);
    }
    if complaints.is_empty() {
        bench.note("the kernel did not complain: the bug may be gone, see whether the rule can be");
        return remark("no oops");
    }
    remark("the kernel oopsed, as known")
}
