//! The configuration file of `bayonetd`, `/etc/bayonet/bayonetd.toml`.
//!
//! Everything in it is optional: without the file, or with an empty one, [`Config::default`] holds, and the file that
//! is installed says the same in words. A key that nobody knows is an error, as is a value out of its range; the error
//! names file and line. Nothing is looked up here: whether a group or a directory exists is found out where it is used.

mod checks;

use crate::report::CameraName;
use bayonet_core::mount;
use checks::{
    absolute, absolute_each, absolute_if_any, account, count, distinct, milliseconds, quality, size,
};
use serde::Deserialize;
use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the file is, unless `bayonetd` is told otherwise.
pub const PATH: &str = "/etc/bayonet/bayonetd.toml";
/// Shortest token that is taken for one, in characters: 128 bit as hexadecimal digits.
pub const TOKEN_LENGTH: usize = 32;
/// Longest file, in bytes: far more than a configuration with every comment.
const FILE_LIMIT: u64 = 1 << 20;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients are served, and which of them may control.
    pub api: Api,
    /// What the cameras stream.
    pub cameras: Cameras,
    /// How the mount is watched and tried.
    pub mount: Mount,
    /// The shutter key.
    pub shutter: Shutter,
    /// Pictures that were taken.
    pub captures: Captures,
    /// Sequences of raw frames.
    pub recordings: Recordings,
    /// The processes that own the cameras.
    pub process: Process,
    /// Lens profiles.
    pub lenses: Lenses,
    /// What is remembered over a restart.
    pub memory: Memory,
}

/// Section `[api]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// The Unix socket.
    #[serde(deserialize_with = "absolute")]
    pub socket: PathBuf,
    /// Members of this group may control; root and `bayonetd`'s own user always may.
    #[serde(deserialize_with = "account")]
    pub control_group: String,
    /// TCP, where it is wanted.
    pub tcp: Option<Tcp>,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            socket: "/run/bayonet/api.sock".into(),
            control_group: "bayonet".into(),
            tcp: None,
        }
    }
}

/// Section `[api.tcp]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "TcpKeys")]
pub struct Tcp {
    /// Where to listen.
    pub address: SocketAddr,
    /// What a client has to present.
    pub token: Token,
}

/// Where the token of TCP clients comes from.
#[derive(Clone, PartialEq)]
pub enum Token {
    /// From the configuration itself.
    Text(String),
    /// From a file.
    File(PathBuf),
}

/// Without the token: logs are read by others.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TcpKeys {
    address: SocketAddr,
    token: Option<String>,
    #[serde(default, deserialize_with = "absolute_if_any")]
    token_file: Option<PathBuf>,
}

impl TryFrom<TcpKeys> for Tcp {
    type Error = String;

    fn try_from(keys: TcpKeys) -> Result<Self, String> {
        let token = match (keys.token, keys.token_file) {
            (Some(text), None) => Token::Text(checked_token(&text)?),
            (None, Some(path)) => Token::File(path),
            _ => return Err("[api.tcp] needs either `token_file` or `token`".into()),
        };
        Ok(Self {
            address: keys.address,
            token,
        })
    }
}

/// Section `[cameras]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cameras {
    /// The fixed sensor.
    pub main: MainCamera,
    /// The sensor behind the mount.
    pub mount: Camera,
}

/// Section `[cameras.main]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MainCamera {
    /// Width and height of the stream in pixels for clients that name none; libcamera's choice without it.
    #[serde(deserialize_with = "size")]
    pub size: Option<[u32; 2]>,
    /// Profile of its lens, which no code tells.
    pub lens: Option<String>,
}

/// Section `[cameras.mount]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Camera {
    /// Width and height of the stream in pixels for clients that name none; libcamera's choice without it.
    #[serde(deserialize_with = "size")]
    pub size: Option<[u32; 2]>,
}

/// Section `[mount]`. Which lines the mount has is said by the device tree.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mount {
    /// How long presence has to hold before it counts.
    #[serde(
        rename = "presence_debounce_ms",
        deserialize_with = "milliseconds::<_, 1, 5_000>"
    )]
    pub presence_debounce: Duration,
    /// How long the lens's lines have to hold before they count.
    #[serde(
        rename = "lens_debounce_ms",
        deserialize_with = "milliseconds::<_, 1, 5_000>"
    )]
    pub lens_debounce: Duration,
    /// From power to the first word with the sensor.
    #[serde(rename = "settle_ms", deserialize_with = "milliseconds::<_, 0, 5_000>")]
    pub settle: Duration,
    /// How often the sensor is asked who it is, or bound, before the module counts as faulty.
    #[serde(deserialize_with = "count::<_, 1, 100>")]
    pub attempts: u32,
    /// How often a module may be plugged within 5 s before it has to stay for a while.
    #[serde(deserialize_with = "count::<_, 1, 1_000>")]
    pub flap_limit: u32,
}

impl Mount {
    /// What the mount machine has to know; the rest of it cannot be configured.
    pub fn machine(&self) -> mount::Config {
        mount::Config {
            presence_debounce: self.presence_debounce,
            lens_debounce: self.lens_debounce,
            settle: self.settle,
            attempts: self.attempts,
            flap_limit: self.flap_limit as usize,
            ..mount::Config::default()
        }
    }
}

impl Default for Mount {
    fn default() -> Self {
        let machine = mount::Config::default();
        Self {
            presence_debounce: machine.presence_debounce,
            lens_debounce: machine.lens_debounce,
            settle: machine.settle,
            attempts: machine.attempts,
            flap_limit: 5,
        }
    }
}

/// Section `[shutter]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutter {
    /// Which cameras the key fires; with none the key is left to others.
    #[serde(deserialize_with = "distinct")]
    pub cameras: Vec<CameraName>,
}

impl Default for Shutter {
    fn default() -> Self {
        Self {
            cameras: vec![CameraName::Main, CameraName::Mount],
        }
    }
}

/// Section `[captures]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Captures {
    /// Where pictures are kept.
    #[serde(deserialize_with = "absolute")]
    pub directory: PathBuf,
    /// JPEG quality where a request names none, `1..=100`.
    #[serde(deserialize_with = "quality")]
    pub quality: u8,
    /// Space that pictures leave free, in MiB.
    #[serde(rename = "minimum_free_mib")]
    pub minimum_free: u32,
}

impl Default for Captures {
    fn default() -> Self {
        Self {
            directory: "/var/lib/bayonet/captures".into(),
            quality: 92,
            minimum_free: 256,
        }
    }
}

/// Section `[recordings]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recordings {
    /// Where recordings are kept.
    #[serde(deserialize_with = "absolute")]
    pub directory: PathBuf,
    /// Space that recordings leave free, in MiB.
    #[serde(rename = "minimum_free_mib")]
    pub minimum_free: u32,
    /// Memory for frames on their way to the disk, in MiB, `16..=2048`: less than that holds no frame of a large
    /// sensor, more than that does not fit into the address space of a 32-bit board.
    #[serde(rename = "queue_mib", deserialize_with = "count::<_, 16, 2_048>")]
    pub queue: u32,
}

impl Default for Recordings {
    fn default() -> Self {
        Self {
            directory: "/var/lib/bayonet/recordings".into(),
            minimum_free: 1024,
            queue: 256,
        }
    }
}

/// Section `[process]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// The program that owns a camera.
    #[serde(deserialize_with = "absolute")]
    pub program: PathBuf,
    /// User that it runs as.
    #[serde(deserialize_with = "account")]
    pub user: String,
    /// Group that it runs as: the one that owns the camera's device nodes.
    #[serde(deserialize_with = "account")]
    pub group: String,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            program: "/usr/libexec/bayonet-camera".into(),
            user: "nobody".into(),
            group: "video".into(),
        }
    }
}

/// Section `[lenses]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lenses {
    /// Directories of lens profiles beside the built-in ones; a later one's profiles replace those of the same name.
    #[serde(deserialize_with = "absolute_each")]
    pub directories: Vec<PathBuf>,
}

impl Default for Lenses {
    fn default() -> Self {
        Self {
            directories: vec!["/etc/bayonet/lenses".into()],
        }
    }
}

/// Section `[memory]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Controls that were set, and the lens that a person named.
    #[serde(deserialize_with = "absolute")]
    pub file: PathBuf,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            file: "/var/lib/bayonet/memory.json".into(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("{path}: {error}", path = path.display())]
    Read {
        /// Of the file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What it says is not a configuration.
    #[error("{path}:{line}: {message}", path = path.display())]
    Parse {
        /// Of the file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The token for TCP cannot be used.
    #[error("{path}: {message}; write one with: (umask 077; openssl rand -hex 32 > {path})", path = path.display())]
    Token {
        /// Of the token's file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Reads a file. Without one at [`PATH`] the default holds; any other file has to be there.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match read_text(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound && path == Path::new(PATH) => {
                Ok(Self::default())
            }
            Err(error) => Err(Error::Read {
                path: path.into(),
                error,
            }),
        }
    }

    /// Reads a text; `path` is for the error.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            Error::Parse {
                path: path.into(),
                line: before.map_or(1, |before| 1 + before.matches('\n').count()),
                message: error.message().replace('\n', ": "),
            }
        })
    }
}

impl Token {
    /// The token itself.
    pub fn secret(&self) -> Result<String, Error> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let text = read_text(path).map_err(|error| Error::Token {
            path: path.clone(),
            message: error.to_string(),
        })?;
        checked_token(text.trim()).map_err(|message| Error::Token {
            path: path.clone(),
            message,
        })
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    if file.take(FILE_LIMIT + 1).read_to_string(&mut text)? as u64 > FILE_LIMIT {
        return Err(io::Error::other(format!("longer than {FILE_LIMIT} bytes")));
    }
    Ok(text)
}

/// A token travels in a header: visible ASCII, and long enough not to be guessed.
fn checked_token(text: &str) -> Result<String, String> {
    if text.len() < TOKEN_LENGTH {
        return Err(format!(
            "the token is shorter than {TOKEN_LENGTH} characters"
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the token has characters other than visible ASCII".into());
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests;
