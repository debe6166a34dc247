//! The overlay's parameters do on a running system what they say.
//!
//! `KTAP_DTPARAM` has the parameters that this guest was booted with, as the firmware would read them
//! (`rotation=180,cam0=main`); what none of them changes must be as by default.

use crate::daemon::Daemon;
use crate::orders::Port;
use crate::process::output;
use crate::suites::edge::eventually;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use bayonet_kernel::chain::{self, Chain};
use bayonet_kernel::subdevice::Subdevice;
use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

pub(crate) const SUITE: Suite = Suite {
    name: "parameters",
    about: "the overlay's parameters: rotation, location, ports, link frequencies, supplies, lines",
    tests: &[
        Test {
            name: "each camera of bayonetd is on its port",
            run: ports,
        },
        Test {
            name: "rotation and location are libcamera's",
            run: properties,
        },
        Test {
            name: "each sensor has its link frequency",
            run: link_frequencies,
        },
        Test {
            name: "supplies of sensors at rest",
            run: supplies,
        },
        Test {
            name: "lines are where the parameters put them",
            run: lines,
        },
        Test {
            name: "lines have names where these are right",
            run: names,
        },
    ],
    complaints: Complaints::Forbidden,
};

const VARIABLE: &str = "KTAP_DTPARAM";
const LIMIT: Duration = Duration::from_secs(60);
const CAMERAS: [&str; 2] = ["main", "mount"];
/// libcamera's names of `orientation` (`dt-bindings/media/video-interface-devices.yaml`): front, back, external.
const LOCATIONS: [&str; 3] = [
    "CameraLocationFront",
    "CameraLocationBack",
    "CameraLocationExternal",
];
/// Link frequencies without a parameter, in Hz.
const LINK_FREQUENCIES: [(&str, i64); 3] = [
    ("imx283", 720_000_000),
    ("imx219", 456_000_000),
    ("imx296", 594_000_000),
];
/// `V4L2_CID_LINK_FREQ` of the kernel's uapi `v4l2-controls.h`.
const LINK_FREQUENCY: u32 = 0x009f_0901;
/// Parameter, GPIO without it, name there, and who holds it. The key's driver takes the key's label.
const LINES: [(&str, usize, &str, &str); 10] = [
    ("shutter-pin", 5, "SHUTTER_KEY", "shutter"),
    ("present-pin", 6, "MOUNT_PRESENT", "bayonetd"),
    ("code5-pin", 16, "LENS_CODE5", "bayonetd"),
    ("code4-pin", 17, "LENS_CODE4", "bayonetd"),
    ("code3-pin", 18, "LENS_CODE3", "bayonetd"),
    ("code2-pin", 19, "LENS_CODE2", "bayonetd"),
    ("code1-pin", 20, "LENS_CODE1", "bayonetd"),
    ("code0-pin", 21, "LENS_CODE0", "bayonetd"),
    ("frame1-pin", 22, "FRAME_SELECT1", "bayonetd"),
    ("frame0-pin", 23, "FRAME_SELECT0", "bayonetd"),
];
/// The mount's own supply has no line without a parameter.
const MOUNT_SUPPLY: (&str, &str) = ("mount-supply-pin", "regulator-bayonet-mount");

/// What this guest was booted with.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn given() -> Result<Self> {
        let text = env::var(VARIABLE)
            .with_context(|| format!("{VARIABLE} does not tell the parameters; see ktap-host"))?;
        let words = text.split(',').filter(|word| !word.is_empty());
        Ok(Self(
            words
                .map(|word| word.split_once('=').unwrap_or((word, "true")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }

    /// The value of the one that was given last.
    fn last(&self, names: &[&str]) -> Option<&str> {
        let mut given = self.0.iter().rev();
        let found = given.find(|(name, _)| names.contains(&name.as_str()));
        found.map(|(_, value)| value.as_str())
    }

    /// A number that is set for both cameras or for one.
    fn of_camera(&self, camera: &str, name: &str) -> Result<Option<i64>> {
        let own = format!("{camera}-{name}");
        let value = self.last(&[name, &own]).map(str::parse);
        value.transpose().with_context(|| format!("{name}, {own}"))
    }

    fn port(&self, camera: &str) -> Port {
        let swapped = self.last(&["cam0"]) == Some("main");
        if (camera == "main") == swapped {
            Port::Mount
        } else {
            Port::Main
        }
    }

    fn pin(&self, parameter: &str) -> Result<Option<usize>> {
        let value = self.last(&[parameter]).map(str::parse);
        value.transpose().with_context(|| parameter.to_owned())
    }
}

fn chains() -> Result<[Chain; 2]> {
    let module = chain::discover()?;
    Ok([
        module.main,
        module.mount.context("the module has no mount")?,
    ])
}

fn ports(bench: &mut Bench) -> Result<Verdict> {
    let parameters = Parameters::given()?;
    let daemon = Daemon::start()?;
    for name in CAMERAS {
        let expected = parameters.port(name).camera_id();
        let camera = daemon.camera(name)?;
        bench.note(&format!("{name}: {camera}"));
        ensure!(
            camera["libcamera_id"] == expected,
            "{name}: not {expected}: {camera}"
        );
    }
    remark(format!("{:?}", parameters.0))
}

fn properties(_: &mut Bench) -> Result<Verdict> {
    let parameters = Parameters::given()?;
    for (name, default) in CAMERAS.into_iter().zip([1, 2]) {
        let rotation = parameters.of_camera(name, "rotation")?.unwrap_or(0);
        let location = parameters
            .of_camera(name, "orientation")?
            .unwrap_or(default);
        let location_name = LOCATIONS[usize::try_from(location)?];
        let text = output(
            "cam",
            &["-c", &parameters.port(name).camera_id(), "-p"],
            LIMIT,
        )?;
        for expected in [
            format!("Property: Rotation = {rotation}"),
            format!("Property: Location = {location} ({location_name})"),
        ] {
            ensure!(
                text.lines().any(|line| line == expected),
                "{name}: no line \"{expected}\" in {text}"
            );
        }
    }
    Ok(Verdict::Pass)
}

fn link_frequencies(_: &mut Bench) -> Result<Verdict> {
    let parameters = Parameters::given()?;
    let mut found = Vec::new();
    for (name, chain) in CAMERAS.into_iter().zip(chains()?) {
        let default = LINK_FREQUENCIES
            .iter()
            .find(|(model, _)| *model == chain.model);
        let (_, default) = default.with_context(|| format!("{name} is an {}", chain.model))?;
        let expected = parameters
            .of_camera(name, "link-frequency")?
            .unwrap_or(*default);
        let path = chain.subdevice().context("no subdevice of the sensor")?;
        let subdevice = Subdevice::open(&path)?;
        let control = subdevice
            .control(LINK_FREQUENCY)?
            .context("no such control")?;
        // The control is a menu of the driver's frequencies; its value is an index.
        let value = subdevice.get(&control)?;
        let device = path.to_string_lossy().into_owned();
        let text = output("v4l2-ctl", &["-d", &device, "--list-ctrls-menus"], LIMIT)?;
        let (_, menu) = text
            .split_once("link_frequency")
            .context("no link_frequency")?;
        let entry = format!("{value}: {expected} ");
        ensure!(menu.contains(&entry), "{name}: no {entry:?} in {menu}");
        found.push(format!("{name} {expected}"));
    }
    remark(found.join(", "))
}

/// Whether the board sees a camera's supply on: nothing of the guest's own is asked.
fn supplies(bench: &mut Bench) -> Result<Verdict> {
    let parameters = Parameters::given()?;
    for name in CAMERAS {
        let expected = name == "main" && parameters.last(&["always-on"]).is_some();
        let port = match parameters.port(name) {
            Port::Main => "main",
            Port::Mount => "mount",
        };
        // Drivers let a supply go some time after its last use.
        eventually(|| {
            let status = bench.board.status()?;
            let on = status[port]["supplied"]
                .as_bool()
                .context("no such field")?;
            Ok((on == expected).then_some(()))
        })
        .with_context(|| format!("{name}'s supply is not as expected, {expected}"))?;
    }
    Ok(Verdict::Pass)
}

/// A line as `gpioinfo` shows it: its name, and who holds it.
struct Shown {
    name: String,
    holder: String,
}

/// Lines of the controller of the 40-pin header, by GPIO.
fn shown() -> Result<BTreeMap<usize, Shown>> {
    let text = output("gpioinfo", &[], LIMIT)?;
    let header = text
        .split("gpiochip")
        .find(|chip| chip.contains("\"ID_SDA\""));
    parse(header.context("no controller has ID_SDA")?)
}

/// Lines like `line   6: "MOUNT_PRESENT" input active-low consumer="bayonetd"`.
fn parse(text: &str) -> Result<BTreeMap<usize, Shown>> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let Some((number, rest)) = line
            .trim_start()
            .strip_prefix("line")
            .and_then(|rest| rest.split_once(':'))
        else {
            continue;
        };
        let quoted = |text: &str| text.split('"').nth(1).unwrap_or_default().to_owned();
        let shown = Shown {
            name: quoted(rest.split("consumer=").next().unwrap_or_default()),
            holder: rest
                .split_once("consumer=")
                .map_or_else(String::new, |(_, rest)| quoted(rest)),
        };
        lines.insert(
            number.trim().parse().with_context(|| line.to_owned())?,
            shown,
        );
    }
    Ok(lines)
}

fn lines(_: &mut Bench) -> Result<Verdict> {
    let parameters = Parameters::given()?;
    let _daemon = Daemon::start()?;
    let shown = shown()?;
    let mut wanted = Vec::new();
    for (parameter, default, _, holder) in LINES {
        wanted.push((parameters.pin(parameter)?.unwrap_or(default), holder));
    }
    let supply = parameters.pin(MOUNT_SUPPLY.0)?;
    wanted.extend(supply.map(|pin| (pin, MOUNT_SUPPLY.1)));
    let mut wrong = Vec::new();
    for (pin, line) in &shown {
        let expected = wanted.iter().find(|(at, _)| at == pin);
        let expected = expected.map_or("", |(_, holder)| *holder);
        let ours = LINES.iter().any(|(.., holder)| *holder == line.holder)
            || line.holder == MOUNT_SUPPLY.1;
        if expected != line.holder && (ours || !expected.is_empty()) {
            wrong.push(format!(
                "GPIO {pin} is held by {:?}, not {expected:?}",
                line.holder
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join(", "));
    Ok(Verdict::Pass)
}

fn names(_: &mut Bench) -> Result<Verdict> {
    let parameters = Parameters::given()?;
    let moved = parameters.0.iter().any(|(name, _)| name.ends_with("-pin"));
    for (pin, line) in shown()? {
        let ours = LINES
            .iter()
            .find(|(_, at, ..)| *at == pin)
            .filter(|_| !moved);
        let expected = match (ours, pin) {
            (Some((_, _, name, _)), _) => (*name).to_owned(),
            (None, 2..28) => format!("GPIO{pin}"),
            _ => continue,
        };
        ensure!(
            line.name == expected,
            "GPIO {pin} is called {:?}, not {expected}",
            line.name
        );
    }
    Ok(Verdict::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_name_and_holder() {
        let text = "0 - 54 lines:\n\tline   2:\t\"GPIO2\"         \tinput\n\
                    \tline   5:\t\"SHUTTER_KEY\"   \tinput active-low consumer=\"shutter\"\n\
                    \tline  28:\tunnamed         \tinput consumer=\"x\"\n";
        let lines = parse(text).unwrap();
        let line = |pin| (lines[&pin].name.as_str(), lines[&pin].holder.as_str());
        assert_eq!(line(2), ("GPIO2", ""));
        assert_eq!(line(5), ("SHUTTER_KEY", "shutter"));
        assert_eq!(line(28), ("", "x"));
    }

    #[test]
    fn the_last_parameter_wins() {
        let given = [
            ("rotation", "180"),
            ("mount-rotation", "0"),
            ("cam0", "main"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = Parameters(given.to_vec());
        let rotation = |camera| parameters.of_camera(camera, "rotation").unwrap();
        assert_eq!((rotation("main"), rotation("mount")), (Some(180), Some(0)));
        assert_eq!(parameters.of_camera("main", "orientation").unwrap(), None);
        assert_eq!(parameters.port("main"), Port::Mount);
        assert_eq!(parameters.port("mount"), Port::Main);
        assert_eq!(Parameters(Vec::new()).port("main"), Port::Main);
    }
}
