//! The command line.

use bayonet_daemon::client::SOCKET;
use bayonet_daemon::report::CameraName;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_STATUS: &str = "Exit status:
  0  done
  1  not done, or doctor found something bad
  2  the command line cannot be understood
  3  bayonetd cannot be reached";

/// Cameras, lens mount and lenses of a Bayonet board.
#[derive(Debug, Parser)]
#[command(name = "bayonet", version, after_help = EXIT_STATUS, max_term_width = 80)]
pub(crate) struct Arguments {
    /// Write JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where bayonetd is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Where bayonetd is")]
pub(crate) struct Connection {
    /// Its Unix socket
    #[arg(long, global = true, value_name = "PATH", default_value = SOCKET)]
    pub(crate) socket: PathBuf,
    /// Its address over TCP, http://HOST:PORT, instead of the socket
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// File with the token for --url
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the cameras
    List,
    /// Show module, lens and cameras
    Status,
    /// Show what happens, as it happens, one line per event
    Watch,
    /// Show the lens on the mount, name it, and look up lens profiles
    #[command(subcommand)]
    Lens(Lens),
    /// Show or set the controls of a camera
    Controls(Controls),
    /// Take a picture, or one with each camera
    Capture(Capture),
    /// List the parameters of a device tree overlay, set them, and check it against a base tree
    ///
    /// Without parameters, lists them with the values that they take; "-" is any number or text. With --output, writes
    /// the overlay with its parameters set for good, for boot loaders that know no parameters. Nothing is written
    /// where a parameter is wrong or the trees contradict each other.
    Overlay(Overlay),
    /// Install Bayonet's IPA for cameras without an image signal processor, or remove it
    ///
    /// Puts module, worker and tuning files below a prefix, and has the configuration file that libcamera reads name
    /// their directories. A file that is there keeps everything else in it, and a backup is made.
    #[command(subcommand)]
    Ipa(Ipa),
    /// Look for what keeps the cameras from working, and say how to mend it
    ///
    /// Looks at kernel, device tree, drivers, permissions, libcamera and bayonetd. Changes nothing. Run it as
    /// root to have everything looked at.
    Doctor {
        /// Configuration of bayonetd
        #[arg(long, value_name = "FILE", default_value = bayonet_daemon::config::PATH)]
        config: PathBuf,
    },
    /// Make a user namespace, and end
    #[command(hide = true, name = crate::doctor::TRY)]
    TryUserNamespace,
    /// Write completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Directory for all pages; without it the first page goes to standard output
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lens {
    /// List the lens profiles
    List,
    /// Show a lens profile, or the lens on the mount
    Show {
        /// Name of a profile; without it, what is on the mount
        name: Option<String>,
    },
    /// Name the lens on the mount, for one without a code or with a wrong one
    Set {
        /// Name of a profile, see `bayonet lens list`
        name: String,
    },
    /// Take the name of the lens back
    Clear,
}

#[derive(Args, Debug)]
pub(crate) struct Controls {
    /// Which camera
    pub(crate) camera: Camera,
    /// What to set: a number, a word, numbers with commas between them, or JSON; NAME= goes back to the default
    #[arg(value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) settings: Vec<(String, serde_json::Value)>,
}

#[derive(Args, Debug)]
pub(crate) struct Capture {
    /// Which camera, or both for a pair
    #[arg(long, short, default_value = "main")]
    pub(crate) camera: Cameras,
    /// Where the picture goes; of a pair, FILE.jpg becomes FILE-main.jpg and FILE-mount.jpg. Without it, the
    /// pictures are named by their time
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How it is encoded; without it, as FILE's ending says
    #[arg(long, short)]
    pub(crate) format: Option<Format>,
    /// Quality of a JPEG, 1 to 100; without it, bayonetd's
    #[arg(long, short, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: Option<u8>,
    /// Every pixel of the sensor; refused while somebody uses the camera
    #[arg(long)]
    pub(crate) full: bool,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Overlay {
    /// The overlay, a .dtbo file
    pub(crate) file: PathBuf,
    /// What to set, as behind dtoverlay= in config.txt; NAME alone is NAME=true
    #[arg(value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) parameters: Vec<(String, String)>,
    /// The base tree of the board, a .dtb file: is every label in it, and does nothing contradict?
    #[arg(long, value_name = "DTB")]
    pub(crate) base: Option<PathBuf>,
    /// Where the overlay goes with its parameters set; what is there is replaced
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ipa {
    /// Put its files in their places, and have libcamera's configuration name them
    Install(IpaInstall),
    /// Undo what install did, and nothing else
    Remove(IpaChange),
    /// Show what is installed, and whether libcamera uses it
    Status(IpaPlace),
}

/// Where the IPA is.
#[derive(Args, Debug)]
pub(crate) struct IpaPlace {
    /// What lib, libexec and share are below
    #[arg(long, value_name = "DIR", default_value = "/usr/local", value_parser = absolute)]
    pub(crate) prefix: String,
    /// The system, if it is not the running one: all paths are below this directory
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct IpaChange {
    #[command(flatten)]
    pub(crate) place: IpaPlace,
    /// Change a configuration file of others without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct IpaInstall {
    #[command(flatten)]
    pub(crate) change: IpaChange,
    /// Where libbayonet_ipa.so, soft_ipa_proxy and the directory tuning are; without it, beside this program
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Camera {
    /// The fixed sensor
    Main,
    /// The sensor behind the lens mount
    Mount,
}

impl Camera {
    pub(crate) fn name(self) -> CameraName {
        match self {
            Self::Main => CameraName::Main,
            Self::Mount => CameraName::Mount,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cameras {
    /// The fixed sensor
    Main,
    /// The sensor behind the lens mount
    Mount,
    /// Both, at the same time
    Both,
}

impl Cameras {
    pub(crate) fn names(self) -> Vec<CameraName> {
        match self {
            Self::Main => vec![CameraName::Main],
            Self::Mount => vec![CameraName::Mount],
            Self::Both => CameraName::ALL.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JPEG with EXIF
    Jpeg,
    /// PNG, 8 bit a channel
    Png,
}

/// Reads `NAME=VALUE`.
fn setting(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("it has to be NAME=VALUE, e.g. ExposureTime=5000")?;
    let value = value.trim();
    let value = match serde_json::from_str(value) {
        _ if value.is_empty() => serde_json::Value::Null,
        Ok(value) => value,
        // 1.5,2 is what people write for [1.5,2].
        Err(_) => serde_json::from_str(&format!("[{value}]")).unwrap_or_else(|_| value.into()),
    };
    Ok((name.trim().into(), value))
}

/// Reads an absolute path that can stand in a configuration file.
fn absolute(text: &str) -> Result<String, String> {
    let plain = !text.contains(char::is_control) && !text.split('/').any(|part| part == "..");
    if text.starts_with('/') && plain {
        return Ok(text.into());
    }
    Err("it has to be an absolute path, e.g. /usr/local".into())
}

/// Reads `NAME=VALUE`, or `NAME`.
fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "true"));
    if name.is_empty() || name.contains(',') {
        return Err("it has to be NAME=VALUE, e.g. mount=imx219, one for each parameter".into());
    }
    Ok((name.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use serde_json::json;

    #[test]
    fn the_command_line_fits_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn settings_are_read_as_people_write_them() {
        for (text, name, value) in [
            ("ExposureTime=5000", "ExposureTime", json!(5000)),
            ("AeEnable=false", "AeEnable", json!(false)),
            ("ColourGains=1.5,2", "ColourGains", json!([1.5, 2])),
            (
                "ScalerCrop=[0,0,10,10]",
                "ScalerCrop",
                json!([0, 0, 10, 10]),
            ),
            ("Name=a b", "Name", json!("a b")),
            ("Gain=", "Gain", json!(null)),
            ("A=b=c", "A", json!("b=c")),
        ] {
            assert_eq!(setting(text), Ok((name.into(), value)), "{text}");
        }
        assert!(setting("Gain").is_err());
        assert!(setting("=1").is_err());
    }

    #[test]
    fn parameters_are_read_as_in_config_txt() {
        for (text, name, value) in [
            ("mount=imx219", "mount", "imx219"),
            ("always-on", "always-on", "true"),
            ("label=a=b", "label", "a=b"),
            ("rotation=", "rotation", ""),
        ] {
            assert_eq!(parameter(text), Ok((name.into(), value.into())), "{text}");
        }
        assert!(parameter("=1").is_err());
        assert!(parameter("bayonet,mount=imx219").is_err());
    }
}
