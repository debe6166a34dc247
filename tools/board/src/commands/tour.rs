//! `run --tour`: what the board can do, told step by step, with a picture from each camera.

use super::picture::{PIXEL_FORMAT, write_png};
use super::session::Session;
use anyhow::{Context, Result, bail, ensure};
use bayonet_board::machine::{Deadline, Output, Program};
use bayonet_board::orders::{Order, Port};
use std::path::{Path, PathBuf};
use std::time::Duration;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
/// Frames to capture; exposure and white balance settle before the last.
const FRAMES: u32 = 30;
const CAPTURE_TIMEOUT: Duration = Duration::from_secs(90);
/// A camera that is gone does not say so: `cam` waits for frames until it is ended.
const FAILING_CAPTURE_SECONDS: u32 = 8;
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Where frames are kept in the guest, in memory.
const GUEST_DIRECTORY: &str = "/tmp/tour";
/// Name of the line that is low while a sensor sits in the mount.
const PRESENCE_LINE: &str = "MOUNT_PRESENT";
/// The mount port's receiver and I2C controller by the ends of their device names (`rp1-common.dtsi`).
const MOUNT_RECEIVER: &str = "128000.csi";
const MOUNT_CONTROLLER: &str = "88000.i2c";

/// Shows everything, then says where the pictures are and how to go on.
///
/// # Errors
/// The first step that does not go as it must.
pub(crate) fn tour(session: &Session, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let tour = Tour { session, folder };
    tell(
        "The board is up: an unmodified Debian kernel and libcamera on a Raspberry Pi 5 that does not exist.",
    );
    println!("{}", tour.text(&["uname", "-srm"])?.trim_end());
    tell("`cam -l` finds:");
    let cameras = tour.cameras(2)?;
    tell("A processed frame from each, through the PiSP pipeline:");
    let mut pictures = Vec::new();
    for (camera, name) in cameras.iter().zip(["main", "mount"]) {
        pictures.push(tour.capture(camera, name)?);
    }
    tour.unplug(&cameras)?;
    pictures.push(tour.plug()?);
    tell("Your pictures:");
    for picture in pictures {
        println!("  {}", picture.display());
    }
    tell("How to go on:");
    println!(
        "  bayonet-board run             a shell on the board\n  \
         bayonet-board exec -- cam -l  one command in it\n  \
         bayonet-board ctl --help      what hands can do to a running board\n  \
         bayonet-board --help          everything else"
    );
    Ok(())
}

fn tell(text: &str) {
    println!("\n{text}");
}

struct Tour<'a> {
    session: &'a Session,
    folder: &'a Path,
}

impl Tour<'_> {
    /// Takes the mount sensor away and shows what the guest notices.
    fn unplug(&self, cameras: &[String]) -> Result<()> {
        tell("Now the mount sensor is pulled out. The presence line tells:");
        self.presence()?;
        self.session.order(Order::Unplug { port: Port::Mount })?;
        self.presence()?;
        tell("The drivers are still bound, so its camera is listed, but a capture fails:");
        let camera = cameras
            .get(Port::Mount.index())
            .context("no camera on the mount")?;
        self.capture_that_fails(camera)?;
        tell(
            "With nothing open, the receiver's driver goes first, then the sensor's. `cam -l` now finds:",
        );
        self.shell(&format!(
            "{} && echo $receiver > /sys/bus/platform/drivers/rp1-cfe/unbind \
             && echo $sensor > /sys/bus/i2c/devices/$sensor/driver/unbind",
            find_mount()
        ))?;
        self.cameras(1)?;
        Ok(())
    }

    /// Puts the mount sensor back and takes a picture with it.
    fn plug(&self) -> Result<PathBuf> {
        tell("The sensor is put back in: its driver is bound first, then the receiver's.");
        self.session.order(Order::Plug {
            port: Port::Mount,
            sensor: None,
        })?;
        self.presence()?;
        self.shell(&format!(
            "{} && echo $sensor > /sys/bus/i2c/drivers_probe \
             && echo $receiver > /sys/bus/platform/drivers/rp1-cfe/bind && udevadm settle --timeout=10",
            find_mount()
        ))?;
        tell("`cam -l` finds both again, and the mount camera works:");
        let cameras = self.cameras(2)?;
        let camera = cameras
            .get(Port::Mount.index())
            .context("no camera on the mount")?;
        self.capture(camera, "mount-again")
    }

    /// Prints what `cam -l` lists; the cameras' names in its order.
    fn cameras(&self, expected: usize) -> Result<Vec<String>> {
        let text = self.text(&["cam", "-l"])?;
        let cameras = camera_names(&text);
        for line in text.lines().filter(|line| camera_name(line).is_some()) {
            println!("  {line}");
        }
        ensure!(
            cameras.len() == expected,
            "cam lists {} cameras, not {expected}:\n{text}",
            cameras.len()
        );
        Ok(cameras)
    }

    /// Takes a picture with `camera` and stores it as `name`.png.
    fn capture(&self, camera: &str, name: &str) -> Result<PathBuf> {
        let frames = format!("{GUEST_DIRECTORY}/{name}-#.raw");
        self.shell(&format!(
            "rm -rf {GUEST_DIRECTORY} && mkdir {GUEST_DIRECTORY}"
        ))?;
        let output = self.run(&cam(camera, &frames), CAPTURE_TIMEOUT)?;
        ensure!(
            output.status.success(),
            "cam failed with {camera}:\n{}",
            words(&output)
        );
        let last = self.text(&[
            "sh",
            "-c",
            &format!("ls {GUEST_DIRECTORY}/*.raw | tail -n 1"),
        ])?;
        let raw = tempfile::NamedTempFile::new().context("making a temporary file")?;
        let deadline = Deadline::after(COMMAND_TIMEOUT);
        self.session
            .machine()
            .agent()
            .copy_out(last.trim(), raw.path(), deadline)?;
        let frame = std::fs::read(raw.path()).context("reading the frame")?;
        let target = self.folder.join(format!("{name}.png"));
        write_png(&frame, WIDTH, HEIGHT, &target)?;
        println!("  {camera} -> {}", target.display());
        Ok(target)
    }

    fn capture_that_fails(&self, camera: &str) -> Result<()> {
        let capture = cam(camera, "/dev/null").join(" ");
        let command = format!("timeout -s KILL {FAILING_CAPTURE_SECONDS} {capture}");
        let output = self.run(&["sh".into(), "-c".into(), command], CAPTURE_TIMEOUT)?;
        if output.status.success() {
            bail!(
                "a camera without a sensor captured frames:\n{}",
                words(&output)
            );
        }
        for line in words(&output)
            .lines()
            .filter(|line| line.contains("ERROR"))
            .take(3)
        {
            println!("  {line}");
        }
        Ok(())
    }

    fn presence(&self) -> Result<()> {
        println!(
            "  {}",
            self.text(&["gpioget", "--active-low", PRESENCE_LINE])?
                .trim_end()
        );
        Ok(())
    }

    fn shell(&self, script: &str) -> Result<String> {
        self.text(&["sh", "-c", script])
    }

    /// Standard output of a program that has to succeed.
    fn text(&self, argv: &[&str]) -> Result<String> {
        let argv: Vec<_> = argv.iter().map(|&word| word.to_owned()).collect();
        let output = self.run(&argv, COMMAND_TIMEOUT)?;
        ensure!(
            output.status.success(),
            "{argv:?} failed in the guest:\n{}",
            words(&output)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn run(&self, argv: &[String], timeout: Duration) -> Result<Output> {
        let program = Program::new(argv.iter().cloned());
        Ok(self
            .session
            .machine()
            .agent()
            .output(&program, Deadline::after(timeout))?)
    }
}

/// Words that capture frames with a camera.
fn cam(camera: &str, file: &str) -> Vec<String> {
    [
        "cam".to_owned(),
        format!("--camera={camera}"),
        format!("--capture={FRAMES}"),
        format!("--stream=width={WIDTH},height={HEIGHT},pixelformat={PIXEL_FORMAT}"),
        format!("--file={file}"),
    ]
    .into()
}

/// Shell words that set `receiver` and `sensor` to the mount's devices.
fn find_mount() -> String {
    format!(
        "receiver=$(basename /sys/bus/platform/devices/*{MOUNT_RECEIVER}); sensor=$(for device in \
         /sys/bus/i2c/devices/[0-9]*; do case $(readlink -f $device) in *{MOUNT_CONTROLLER}/*) \
         basename $device;; esac; done); [ -n \"$sensor\" ]"
    )
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn camera_names(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(camera_name)
        .map(str::to_owned)
        .collect()
}

/// Name in a line such as `1: External camera 'imx283' (/base/.../imx283@1a)`.
fn camera_name(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(": ")?;
    number.parse::<u32>().ok()?;
    rest.strip_suffix(')')?
        .rsplit_once('(')
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_are_found_between_log_lines() {
        let text = "\
[0:00:07.123456789] [211]  INFO Camera camera_manager.cpp:340 libcamera v0.7.1
Available cameras:
1: 'imx283' (/base/pcie@10000000/rp1@10,0/i2c@80000/imx283@1a)
2: External camera 'imx219' (/base/pcie@10000000/rp1@10,0/i2c@88000/imx219@10)
";
        let names = camera_names(text);
        assert_eq!(names.len(), 2);
        assert!(names[0].ends_with("i2c@80000/imx283@1a"));
        assert!(names[1].ends_with("imx219@10"));
    }
}
