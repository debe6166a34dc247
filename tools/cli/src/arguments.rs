//! The command line.

mod values;

use bayonet_daemon::client::SOCKET;
use bayonet_daemon::report::CameraName;
use bayonet_daemon::wire::{self, Place};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use values::{absolute, bits, exposure, parameter, place, seconds, setting, size, white};

const EXIT_STATUS: &str = "Exit status:
  0  done
  1  not done, doctor found something bad, or frames of a recording are lost
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
    /// Make pictures of raw ones: DNG files of Bayonet's cameras, and of most others
    ///
    /// Corrects the lens as the file says, and writes sRGB: JPEG, PNG or TIFF. A file that cannot be developed does not
    /// keep the others from it.
    Develop(Develop),
    /// Record raw frames as DNG files, one folder for each camera, and follow the recording to its end
    ///
    /// Ctrl-C ends the recording and waits until everything is written. A recording is a directory on the board, with
    /// an index, index.jsonl, that names every frame with its time and checksum and every frame that is not there.
    /// Frames are dropped, and counted, when the disk is too slow. One that was interrupted by a crash or a power cut
    /// is mended by --repair; whatever the index names is whole.
    Record(Record),
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
    /// A DNG of the same frame too, beside the picture and with its name: FILE.jpg and FILE.dng
    #[arg(long, short)]
    pub(crate) raw: bool,
    /// How the samples of the DNG are compressed; nothing is lost
    #[arg(
        long,
        value_name = "KIND",
        default_value = "lossless-jpeg",
        requires = "raw"
    )]
    pub(crate) compression: Compression,
    /// Where it is taken, in degrees north and east and metres: written into the pictures, e.g. 50.556,8.497,160
    #[arg(long, value_name = "LAT,LON[,ALT]", value_parser = place, allow_hyphen_values = true)]
    pub(crate) place: Option<Place>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Develop {
    /// The DNG files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where the picture goes, or the directory for all; without it, pictures go beside their files
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// How it is encoded; without it, as the ending of --output says, or JPEG
    #[arg(long, short)]
    pub(crate) format: Option<PictureFormat>,
    /// Quality of a JPEG, 1 to 100 [default: 92]
    #[arg(long, short, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: Option<u8>,
    /// Bits of a PNG's colours, 8 or 16 [default: 8]
    #[arg(long, value_parser = bits)]
    pub(crate) bits: Option<u8>,
    /// What is white: as-shot; daylight, cloudy, shade, tungsten, fluorescent or flash; a temperature, e.g. 5200K; or
    /// where something neutral is in the picture, e.g. 1200,800
    #[arg(long, short, value_name = "WHITE", default_value = "as-shot", value_parser = white)]
    pub(crate) white_balance: White,
    /// Brighter by so many stops, -10 to 10; darker where it is negative
    #[arg(long, short, value_name = "EV", default_value = "0", allow_negative_numbers = true, value_parser = exposure)]
    pub(crate) exposure: f64,
    /// What it is to look like
    #[arg(long, short, default_value = "natural")]
    pub(crate) look: Look,
    /// How samples become colours
    #[arg(long, short, default_value = "still")]
    pub(crate) demosaic: Demosaic,
    /// Leave vignetting and distortion as they are
    #[arg(long)]
    pub(crate) no_lens: bool,
    /// How many threads work on a picture; without it, as many as there are processors
    #[arg(long, short, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `record` does instead of recording, and without its options.
const INSTEAD: [&str; 3] = ["list", "stop", "repair"];

#[derive(Args, Debug)]
pub(crate) struct Record {
    /// Which camera, or both
    #[arg(long, short, default_value = "main", conflicts_with_all = INSTEAD)]
    pub(crate) camera: Cameras,
    /// Width and height of the raw frames, e.g. 2736x1824; the sensor's nearest mode is taken
    #[arg(long, value_name = "WxH", value_parser = size, conflicts_with_all = INSTEAD)]
    pub(crate) size: Option<[u32; 2]>,
    /// End with so many frames of each camera
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = INSTEAD)]
    pub(crate) frames: Option<u32>,
    /// End after so many seconds, counted from the first frame
    #[arg(long, short, value_name = "S", value_parser = seconds, conflicts_with_all = INSTEAD)]
    pub(crate) seconds: Option<f64>,
    /// How the samples are compressed; nothing is lost
    #[arg(long, value_name = "KIND", default_value = "lossless-jpeg", conflicts_with_all = INSTEAD)]
    pub(crate) compression: Compression,
    /// Where it is taken, in degrees north and east and metres: written into every frame, e.g. 50.556,8.497,160
    #[arg(long, value_name = "LAT,LON[,ALT]", value_parser = place, allow_hyphen_values = true, conflicts_with_all = INSTEAD)]
    pub(crate) place: Option<Place>,
    /// Begin it, and leave it to itself
    #[arg(long, conflicts_with_all = INSTEAD)]
    pub(crate) detach: bool,
    /// List the recordings instead
    #[arg(long, conflicts_with_all = ["stop", "repair"])]
    pub(crate) list: bool,
    /// End the recording that is under way instead
    #[arg(long, conflicts_with = "repair")]
    pub(crate) stop: bool,
    /// Look at a recording on the disk instead, say what is there, and mend its index; needs no bayonetd
    ///
    /// Frames that were never finished (.part) are removed, damaged ones get names that end in .damaged, whole ones
    /// are left as they are. The exit status is 1 where frames are damaged or gone.
    #[arg(long, value_name = "DIR")]
    pub(crate) repair: Option<PathBuf>,
    /// With --repair: say it, and change nothing; the exit status is 1 where there is something to mend
    #[arg(long, requires = "repair")]
    pub(crate) dry_run: bool,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// Which every reader of DNG knows
    LosslessJpeg,
    /// Smaller, for readers of DNG 1.7
    JpegXl,
}

impl From<Compression> for wire::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::LosslessJpeg => Self::LosslessJpeg,
            Compression::JpegXl => Self::JpegXl,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PictureFormat {
    /// JPEG with EXIF
    Jpeg,
    /// PNG with EXIF, 8 or 16 bit a channel
    Png,
    /// TIFF with EXIF, 16 bit a channel, not compressed
    Tiff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Look {
    /// As it was
    Natural,
    /// More contrast and more colour
    Vivid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Demosaic {
    /// Linear filters: quick
    Live,
    /// Along edges: the best
    Still,
    /// A pixel of each two by two samples: half the width and height
    Half,
}

/// What is taken for white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum White {
    AsShot,
    Kelvin(f64),
    /// Column and row of the picture.
    Place([usize; 2]),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_fits_together() {
        Arguments::command().debug_assert();
    }
}
