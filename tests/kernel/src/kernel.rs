//! The kernel of this guest: its messages, its drivers, its media devices.

use crate::orders::Port;
use crate::process::output;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where a line can be put among the kernel's messages.
const MESSAGES: &str = "/dev/kmsg";
/// Longest time for `dmesg`, `udevadm` and other small tools.
const TOOL_LIMIT: Duration = Duration::from_secs(60);
/// Longest time for a device node to appear or go.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Words by which the kernel tells that something is wrong with itself.
///
/// Sources: `kernel/panic.c`, `arch/arm64/kernel/traps.c`, `arch/arm64/mm/fault.c`, `mm/slub.c`, `mm/kasan/report.c`,
/// `lib/list_debug.c`, `lib/refcount.c`, `kernel/hung_task.c`, `kernel/rcu/tree_stall.h`.
const COMPLAINTS: [&str; 15] = [
    "WARNING: ",
    "BUG: ",
    "BUG ",
    "kernel BUG at ",
    "Internal error: ",
    "Oops",
    "Unable to handle kernel ",
    "Kernel panic",
    "KASAN: ",
    "list_add ",
    "list_del ",
    "refcount_t: ",
    "UBSAN: ",
    "INFO: task ",
    "rcu: INFO: ",
];

/// Puts a mark among the kernel's messages; the text to find it by.
pub(crate) fn mark(name: &str) -> Result<String> {
    let boot = fs::read_to_string("/proc/uptime").context("reading /proc/uptime")?;
    let moment = boot.split_whitespace().next().unwrap_or("0");
    let mark = format!("ktap: {name} begins at {moment}");
    // Without the line end the kernel would keep the message open, and unread, until the next one.
    fs::write(MESSAGES, format!("{mark}\n")).with_context(|| format!("writing to {MESSAGES}"))?;
    Ok(mark)
}

/// Lines of complaint since a mark, or all that are kept.
pub(crate) fn complaints_since(mark: Option<&str>) -> Result<Vec<String>> {
    let messages = messages()?;
    // A mark that later messages pushed out leaves only messages that came after it.
    let from = mark.and_then(|mark| messages.rfind(mark)).unwrap_or(0);
    let lines = messages[from..].lines().filter(|line| is_complaint(line));
    Ok(lines.map(str::to_owned).collect())
}

/// Everything the kernel has said that is still kept.
pub(crate) fn messages() -> Result<String> {
    output("dmesg", &[], TOOL_LIMIT)
}

fn is_complaint(line: &str) -> bool {
    let text = line.split_once("] ").map_or(line, |(_, text)| text);
    COMPLAINTS.iter().any(|words| text.starts_with(words))
}

/// A driver and the bus it is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driver {
    /// Directory below `/sys/bus`.
    pub(crate) bus: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
}

const fn platform(name: &'static str) -> Driver {
    Driver {
        bus: "platform",
        name,
    }
}

/// The driver of RP1's receivers.
pub(crate) const RECEIVER: Driver = platform("rp1-cfe");
/// The drivers of the i.MX 8M Mini's receivers, and of the bridges that take their pixels to memory.
pub(crate) const CSIS: Driver = platform("imx-mipi-csis");
pub(crate) const BRIDGE: Driver = platform("imx7-csi");
/// The usual sensors' driver.
pub(crate) const SENSOR: Driver = i2c("imx283");

const fn i2c(name: &'static str) -> Driver {
    Driver { bus: "i2c", name }
}

/// Whether this board has an i.MX 8M Mini's receivers; a Raspberry Pi 5 otherwise.
pub(crate) fn is_imx8mm() -> bool {
    fs::read_to_string("/proc/device-tree/model").is_ok_and(|model| model.contains("i.MX 8M Mini"))
}

impl Driver {
    fn directory(self) -> PathBuf {
        Path::new("/sys/bus")
            .join(self.bus)
            .join("drivers")
            .join(self.name)
    }

    /// Names of the devices it is bound to, sorted.
    pub(crate) fn devices(self) -> Result<Vec<String>> {
        let directory = self.directory();
        let entries = fs::read_dir(&directory)
            .with_context(|| format!("the driver {} is not there", directory.display()))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join("subsystem").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name != "module")
            .collect();
        names.sort();
        Ok(names)
    }

    /// Binds a device.
    pub(crate) fn bind(self, device: &str) -> Result<()> {
        self.write("bind", device)
    }

    /// Unbinds a device.
    pub(crate) fn unbind(self, device: &str) -> Result<()> {
        self.write("unbind", device)
    }

    fn write(self, file: &str, device: &str) -> Result<()> {
        let path = self.directory().join(file);
        fs::write(&path, device).with_context(|| format!("{file} of {device} ({})", self.name))
    }
}

impl Port {
    /// Address of the port's I2C controller as it is in the names of sysfs and of libcamera. Main is on the board's
    /// CAM1 (RP1's I2C4 and second receiver), the mount on CAM0 (I2C6 and the first).
    pub(crate) fn i2c_address(self) -> &'static str {
        match self {
            Self::Main => "80000",
            Self::Mount => "88000",
        }
    }

    /// The device of the Raspberry Pi 5's receiver.
    pub(crate) fn receiver(self) -> &'static str {
        match self {
            Self::Main => "10128000.csi",
            Self::Mount => "10110000.csi",
        }
    }

    /// What a frame goes through behind the sensor, in this order: drivers and devices.
    pub(crate) fn receivers(self) -> Vec<(Driver, &'static str)> {
        match (is_imx8mm(), self) {
            (false, _) => vec![(RECEIVER, self.receiver())],
            (true, Self::Main) => vec![(CSIS, "10338000.mipi-csi"), (BRIDGE, "10330000.csi")],
            (true, Self::Mount) => vec![(CSIS, "10328000.mipi-csi"), (BRIDGE, "10320000.csi")],
        }
    }

    /// The sensor's driver.
    pub(crate) fn sensor_driver(self) -> Result<Driver> {
        let node = self.sensor_node()?;
        match node.split('@').next() {
            Some("imx219") => Ok(i2c("imx219")),
            Some("imx283") => Ok(SENSOR),
            Some("imx296") => Ok(i2c("imx296")),
            _ => bail!("no driver is known for {node}"),
        }
    }

    /// The sensor's device, e.g. `1-001a`: bus numbers are given out in the order of probing.
    pub(crate) fn sensor(self) -> Result<String> {
        let controller = format!("{}.i2c", self.i2c_address());
        for entry in fs::read_dir("/sys/bus/i2c/devices")
            .context("listing I2C devices")?
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            let place = fs::canonicalize(entry.path()).unwrap_or_default();
            let here = place.to_string_lossy().contains(&controller);
            if here && name.contains('-') && !name.starts_with("i2c-") {
                return Ok(name);
            }
        }
        bail!("no I2C device is on the controller of the {self:?} port")
    }

    /// Name of the sensor's node in the device tree, e.g. `imx283@1a`.
    pub(crate) fn sensor_node(self) -> Result<String> {
        let link = format!("/sys/bus/i2c/devices/{}/of_node", self.sensor()?);
        let node = fs::canonicalize(&link).with_context(|| format!("following {link}"))?;
        Ok(node
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned())
    }

    /// Unbinds the chain in the only order that is safe, against the frames' way: nothing may be open.
    pub(crate) fn unbind(self) -> Result<()> {
        for (driver, device) in self.receivers().into_iter().rev() {
            driver.unbind(device)?;
        }
        self.sensor_driver()?.unbind(&self.sensor()?)?;
        settle()
    }

    /// Binds the chain, sensor first, and waits until its nodes are there.
    pub(crate) fn bind(self) -> Result<()> {
        self.sensor_driver()?.bind(&self.sensor()?)?;
        for (driver, device) in self.receivers() {
            driver.bind(device)?;
        }
        settle()?;
        self.media().map(drop)
    }

    /// The chain's media device, once it is there.
    pub(crate) fn media(self) -> Result<String> {
        let receivers = self.receivers();
        let (_, last) = receivers.last().context("a receiver")?;
        let class = format!("/sys/bus/platform/devices/{last}");
        let start = Instant::now();
        loop {
            let found = fs::read_dir(&class)
                .ok()
                .into_iter()
                .flatten()
                .flatten()
                .find_map(|entry| {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    name.starts_with("media").then(|| format!("/dev/{name}"))
                });
            match found {
                Some(device) if Path::new(&device).exists() => return Ok(device),
                _ if start.elapsed() > SETTLE_LIMIT => bail!("{class} has no media device"),
                _ => std::thread::sleep(POLL),
            }
        }
    }

    /// Topology of the chain's media device, as `media-ctl -p` prints it.
    pub(crate) fn topology(self) -> Result<String> {
        output("media-ctl", &["-d", &self.media()?, "-p"], TOOL_LIMIT)
    }

    /// Device node of the sensor's subdevice.
    pub(crate) fn subdevice(self) -> Result<String> {
        let entity = format!("{} {}", self.sensor_driver()?.name, self.sensor()?);
        output(
            "media-ctl",
            &["-d", &self.media()?, "-e", &entity],
            TOOL_LIMIT,
        )
        .map(|text| text.trim().to_owned())
    }
}

/// Waits until udev has made and removed the nodes it was told of.
pub(crate) fn settle() -> Result<()> {
    output("udevadm", &["settle"], TOOL_LIMIT).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_from_talk() {
        for line in [
            "[   41.123456] Unable to handle kernel paging request at virtual address 6b6b6b6b6b6b6b6b",
            "[   41.1] Internal error: Oops: 0000000096000004 [#1]  SMP",
            "[    9.5] BUG kmalloc-1k (Not tainted): Poison overwritten",
            "[   10.0] WARNING: CPU: 0 PID: 7 at drivers/media/mc/mc-entity.c:1 foo+0x1/0x2",
            "[   10.0] list_add double add: new=1, prev=2, next=3.",
            "[  243.0] refcount_t: underflow; use-after-free.",
        ] {
            assert!(is_complaint(line), "{line}");
        }
        for line in [
            "[    0.8] Kernel command line: console=ttyAMA0 oops=panic slub_debug=FZPU",
            "[    9.4] imx283: loading out-of-tree module taints kernel.",
            "[   10.0] imx283 1-001a: Error reading reg 0x3000: -6",
            "[   10.0] ktap: faults begins at 10.0",
        ] {
            assert!(!is_complaint(line), "{line}");
        }
    }
}
