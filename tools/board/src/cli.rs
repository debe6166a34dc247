//! Command line: what can be said, and how a word becomes an order.

mod order;

pub(crate) use order::OrderArgs;

use bayonet_board::board::BoardOptions;
use bayonet_board::machine::Forward;
use bayonet_board::model::Model;
use bayonet_board::module::LensCode;
use bayonet_board::optics::Light;
use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

const EXAMPLES: &str = "\
Examples:
  bayonet-board run                           a shell on the board; Ctrl-] ends it
  bayonet-board run --forward 8080:80         port 80 of the guest is http://localhost:8080 here
  bayonet-board run --tour                    pictures from both cameras, an unplug and a plug
  bayonet-board run --dtparam rotation=180    a parameter of the device tree overlay
  bayonet-board exec -- cam -l                one command, with its output and exit status
  bayonet-board exec --board imx8mm -- cam -l the same without an image processor: libcamera's software ISP
  bayonet-board exec --main imx219 --mount none --light 3000:200 \\
      --copy-out /tmp/shot.raw:shot.raw -- cam -c1 -C10 --file=/tmp/shot.raw
  bayonet-board ctl unplug mount              in another terminal, while a board runs
  bayonet-board ctl fault mount nak-transfer 3
  bayonet-board status";

const EXEC_EXAMPLES: &str = "\
The command's standard output, standard error and exit status become this program's. Standard input is empty.
A timeout exits with status 124, an interrupt with 130.

Examples:
  bayonet-board exec -- sh -c 'dmesg | grep -i imx283'
  bayonet-board exec --script measure.sh --copy-out /tmp/result:. -- 640 480
  bayonet-board exec --copy-in probe:/tmp/probe --timeout 60 -- /tmp/probe";

const CTL_EXAMPLES: &str = "\
Examples:
  bayonet-board ctl plug mount --sensor imx219
  bayonet-board ctl lens 0b101001:2
  bayonet-board ctl focus inf
  bayonet-board ctl light 5000 800
  bayonet-board ctl fault main nak-register 0x3000";

const CARGO_EXAMPLES: &str = "\
The build root has what a build for the guest needs and this system need not have: the cross compiler, libcamera's
headers, clippy. The output is kept in the cache; the exit status is cargo's.

Examples:
  bayonet-board cargo -- build --release --package bayonet-daemon --features libcamera
  bayonet-board cargo -- clippy --package bayonet-daemon --features libcamera --all-targets";

/// A virtual board with two camera sensors, a Raspberry Pi 5 by default, run by an unmodified Debian kernel and libcamera.
#[derive(Debug, Parser)]
#[command(name = "bayonet-board", version, after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Say more: once for steps, twice for details.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Boot the board and work on its console.
    Run(RunArgs),
    /// Boot the board, run one command in it, switch it off.
    #[command(after_long_help = EXEC_EXAMPLES)]
    Exec(ExecArgs),
    /// Give an order to a running board: plug, unplug, light, scene, faults.
    #[command(after_long_help = CTL_EXAMPLES)]
    Ctl(CtlArgs),
    /// Show the state of a running board as a table.
    Status(SocketArgs),
    /// Fetch and build what a board needs, without starting one.
    Build(BuildArgs),
    /// Run the build root's cargo on this workspace, for the guest.
    #[command(after_long_help = CARGO_EXAMPLES)]
    Cargo(CargoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) board: BoardArgs,
    /// No shell: the console goes to standard output, orders come through `ctl`.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Show the driver at work: pictures, an unplug and a plug, lenses, the API; then end.
    ///
    /// At a terminal the board stays up until Ctrl-C.
    #[arg(long, conflicts_with = "headless")]
    pub(crate) tour: bool,
    /// Where the tour puts its pictures.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "pictures",
        requires = "tour"
    )]
    pub(crate) pictures: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) board: BoardArgs,
    /// A script of the host to run in the guest; CMD are its arguments then.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Copy a file, or all files below a directory, out of the guest after the command ended.
    #[arg(long, value_name = "GUEST:HOST", value_parser = parse_copy_out)]
    pub(crate) copy_out: Vec<(String, PathBuf)>,
    /// End everything after so long, boot included.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// The command and its arguments.
    #[arg(last = true, value_name = "CMD", required_unless_present = "script")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Take the newest packages and record their versions in the lock file.
    #[arg(long)]
    pub(crate) update: bool,
    /// Fail where the archive no longer has the versions of the lock file.
    #[arg(long, conflicts_with = "update")]
    pub(crate) locked: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CargoArgs {
    /// Arguments of cargo.
    #[arg(last = true, value_name = "ARG", required = true)]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CtlArgs {
    #[command(flatten)]
    pub(crate) socket: SocketArgs,
    #[command(subcommand)]
    pub(crate) order: OrderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SocketArgs {
    /// The board's socket; the only running board unless given.
    #[arg(long, value_name = "PATH")]
    pub(crate) board_socket: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The board")]
pub(crate) struct BoardArgs {
    /// Board to model.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) board: Model,
    /// Sensor on the main port [default: imx283; on imx8mm imx219].
    #[arg(long, value_name = "SENSOR")]
    main: Option<String>,
    /// Sensor behind the lens mount, or `none` [default: imx283; on imx8mm imx219].
    #[arg(long, value_name = "SENSOR")]
    mount: Option<String>,
    /// Set a parameter of the module's device tree overlay; may be given several times.
    ///
    /// As `dtoverlay=bayonet,NAME=VALUE` in a Raspberry Pi's config.txt; dt-overlays/README.md lists them. Only the
    /// tree changes, not the board: what is plugged where stays as it is.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = parse_parameter)]
    pub(crate) dtparam: Vec<(String, String)>,
    /// Lens on the mount: 6-bit code (decimal, 0x or 0b) and frame-line selector, or `none`.
    #[arg(long, value_name = "CODE[:FRAME]|none", default_value = "32:3")]
    pub(crate) lens: Lens,
    /// What both cameras see: a PNG or JPEG, the name of a scene that ships with the board, or `chart`.
    #[arg(long, value_name = "FILE|NAME|chart", default_value = "chart")]
    pub(crate) scene: String,
    /// Light on the scene: colour temperature (2300 to 7500 K) and illuminance in lux.
    #[arg(long, value_name = "KELVIN:LUX", default_value = "5000:800", value_parser = parse_light)]
    pub(crate) light: (f32, f32),
    /// Seed of the noise: the same seed gives the same frames.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Stretch all frames: each takes so many times as long as on hardware.
    ///
    /// The guest sees the sensors' own timing and gets fewer frames a second; a slow host then loses fewer.
    #[arg(long, value_name = "FACTOR", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) slow: u32,
    /// Take orders on this socket as well.
    #[arg(long, value_name = "PATH")]
    pub(crate) board_socket: Option<PathBuf>,
    /// QEMU to use instead of the build root's, 11.1 or later.
    #[arg(long, value_name = "PATH")]
    pub(crate) qemu: Option<PathBuf>,
    /// Copy a file into the guest once it is up.
    #[arg(long, value_name = "HOST:GUEST", value_parser = parse_copy_in)]
    pub(crate) copy_in: Vec<(PathBuf, String)>,
    /// Install the driver: bayonetd, bayonet and bayonet-camera, compiled from this workspace.
    #[arg(long)]
    pub(crate) driver: bool,
    /// Lead a port of this system's loopback address to a TCP port of the guest.
    #[arg(long, value_name = "HOSTPORT:GUESTPORT", value_parser = parse_forward)]
    pub(crate) forward: Vec<Forward>,
    /// Words to add to the kernel's command line, e.g. `slub_debug=FZPU oops=panic`.
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub(crate) append: String,
}

impl BoardArgs {
    /// The board's own part of the options.
    ///
    /// # Errors
    /// A light that the board does not know.
    pub(crate) fn board_options(&self) -> anyhow::Result<BoardOptions> {
        Ok(BoardOptions {
            model: self.board,
            main: self.sensor(self.main.as_deref()).to_owned(),
            mount: self.mount_sensor().map(str::to_owned),
            lens: self.lens.0,
            scene: self.scene.clone(),
            light: Light::new(self.light.0, self.light.1)?,
            seed: self.seed,
            slow: self.slow,
        })
    }

    /// Sensor on the mount port, if there is one.
    pub(crate) fn mount_sensor(&self) -> Option<&str> {
        Some(self.sensor(self.mount.as_deref())).filter(|&name| name != "none")
    }

    fn sensor<'a>(&self, named: Option<&'a str>) -> &'a str {
        named.unwrap_or(self.board.sensor())
    }
}

/// A lens by its code and frame-line selector, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lens(pub(crate) Option<LensCode>);

impl FromStr for Lens {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let (code, frame) = text.split_once(':').unwrap_or((text, "0"));
        let (code, frame) = (parse_number::<u8>(code)?, parse_number::<u8>(frame)?);
        let lens = LensCode::new(code, frame).map_err(|refusal| refusal.to_string())?;
        Ok(Self(Some(lens)))
    }
}

fn parse_number<T: TryFrom<u32>>(text: &str) -> Result<T, String> {
    let number = match (text.strip_prefix("0x"), text.strip_prefix("0b")) {
        (Some(hex), _) => u32::from_str_radix(hex, 16),
        (_, Some(binary)) => u32::from_str_radix(binary, 2),
        _ => text.parse(),
    };
    let number = number.map_err(|error| format!("{text:?} is not a number: {error}"))?;
    T::try_from(number).map_err(|_| format!("{text} is too large"))
}

fn parse_positive(text: &str, what: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value > 0.0 => Ok(value),
        _ => Err(format!("{text:?} is not a positive number of {what}")),
    }
}

fn parse_kelvin(text: &str) -> Result<f32, String> {
    let kelvin = parse_positive(text, "kelvin")?;
    if Light::KELVIN.contains(&kelvin) {
        return Ok(kelvin);
    }
    Err(format!(
        "{kelvin} K is outside {} to {} K",
        Light::KELVIN.start(),
        Light::KELVIN.end()
    ))
}

fn parse_lux(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(lux) if lux >= 0.0 && lux.is_finite() => Ok(lux),
        _ => Err(format!("{text:?} is not an illuminance in lux")),
    }
}

fn parse_light(text: &str) -> Result<(f32, f32), String> {
    let (kelvin, lux) = text
        .split_once(':')
        .ok_or("write KELVIN:LUX, e.g. 5000:800")?;
    Ok((parse_kelvin(kelvin)?, parse_lux(lux)?))
}

fn parse_copy_in(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once(':').ok_or("write HOST:GUEST")?;
    Ok((host.into(), guest_path(guest)?))
}

fn parse_copy_out(text: &str) -> Result<(String, PathBuf), String> {
    let (guest, host) = text.split_once(':').ok_or("write GUEST:HOST")?;
    Ok((guest_path(guest)?, host.into()))
}

fn parse_parameter(text: &str) -> Result<(String, String), String> {
    // Without a value, as the firmware has it.
    let (name, value) = text.split_once('=').unwrap_or((text, "true"));
    if name.is_empty() {
        return Err("write NAME=VALUE, e.g. rotation=180".into());
    }
    Ok((name.into(), value.into()))
}

fn parse_forward(text: &str) -> Result<Forward, String> {
    let (host, guest) = text
        .split_once(':')
        .ok_or("write HOSTPORT:GUESTPORT, e.g. 8080:80")?;
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is not a port, 1 to 65535")),
    };
    Ok(Forward {
        host: port(host)?,
        guest: port(guest)?,
    })
}

fn guest_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    Err(format!(
        "the path in the guest has to begin with a slash: {text:?}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn incomplete_commands_are_refused() {
        assert!(Cli::try_parse_from(["bayonet-board", "exec"]).is_err());
        assert!(
            Cli::try_parse_from(["bayonet-board", "exec", "--copy-in", "a:b", "--", "x"]).is_err()
        );
    }

    #[test]
    fn the_sensor_none_is_no_sensor() {
        let cli = Cli::try_parse_from(["bayonet-board", "run", "--mount", "none"]).unwrap();
        let Command::Run(run) = cli.command else {
            panic!()
        };
        let options = run.board.board_options().unwrap();
        assert_eq!((options.main.as_str(), options.mount), ("imx283", None));
    }

    #[test]
    fn each_board_has_sensors_of_its_own() {
        let cli = Cli::try_parse_from(["bayonet-board", "run", "--board", "imx8mm"]).unwrap();
        let Command::Run(run) = cli.command else {
            panic!()
        };
        let options = run.board.board_options().unwrap();
        assert_eq!(
            (options.main.as_str(), options.mount.as_deref()),
            ("imx219", Some("imx219"))
        );
    }
}
