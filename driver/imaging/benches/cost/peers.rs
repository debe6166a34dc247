//! The others: a Python environment in the cache directory, and what its programs take.

use super::Row;
use super::frame::Frame;
use super::photographs::{Photograph, mean};
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages with their versions and the digests of their files.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What a peer took for one step.
#[derive(Deserialize)]
pub(crate) struct Peer {
    /// `unpack`, `demosaic`, or what is done with which compression: `JPEG XL, write`.
    pub(crate) what: String,
    peer: String,
    seconds: f64,
    megapixels: f64,
    bytes: Option<u64>,
    /// Of each photograph, what was made of its mosaic.
    #[serde(skip)]
    made: Vec<Vec<u8>>,
    #[serde(default)]
    pictures: Vec<String>,
}

impl Peer {
    pub(crate) fn row(&self, photographs: &[Photograph]) -> Row {
        let decibels = photographs
            .iter()
            .zip(&self.made)
            .map(|(photograph, made)| {
                photograph.decibels(|index, colour| f64::from(made[3 * index + colour]))
            });
        Row {
            name: self.peer.clone(),
            speed: self.megapixels / self.seconds,
            decibels: mean(decibels),
            bits: self
                .bytes
                .map(|bytes| bytes as f64 * 8.0 / (self.megapixels * 1e6)),
        }
    }
}

/// Asks the peers; says where that cannot be.
pub(crate) fn measure(frame: &Frame, photographs: &[Photograph]) -> Vec<Peer> {
    ask(frame, photographs).unwrap_or_else(|reason| {
        println!("bench: SKIPPED the peers: {reason}");
        Vec::new()
    })
}

fn ask(frame: &Frame, photographs: &[Photograph]) -> Result<Vec<Peer>, String> {
    let environment = environment()?;
    let directory =
        tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut pictures = Vec::new();
    for (index, photograph) in photographs.iter().enumerate() {
        let file = format!("photograph-{index}");
        write(&file, &photograph.mosaic().collect::<Vec<_>>())?;
        let [width, height] = photograph.size;
        pictures.push(json!({ "file": file, "width": width, "height": height }));
    }
    let [width, height] = Frame::SIZE;
    let job = json!({ "width": width, "height": height, "pictures": pictures });
    write("job.json", job.to_string().as_bytes())?;
    let samples: Vec<u8> = frame
        .samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    write("frame", &samples)?;
    write("packed", &frame.packed())?;
    println!("bench: measuring the peers");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/cost/peers.py");
    let mut command = Command::new(environment.join("bin/python3"));
    command.arg(script).arg(directory.path());
    // Libraries below numpy have threads of their own.
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
        command.env(name, "1");
    }
    let output = run(&mut command)?;
    let mut peers: Vec<Peer> =
        serde_json::from_slice(&output).map_err(|error| format!("peers.py: {error}"))?;
    for peer in &mut peers {
        let made = peer.pictures.iter().map(|name| {
            let path = directory.path().join(name);
            fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        });
        peer.made = made.collect::<Result<_, _>>()?;
    }
    Ok(peers)
}

/// Where the environment keeps its packages.
pub(crate) fn packages() -> Result<PathBuf, String> {
    let library = environment()?.join("lib");
    let entries =
        fs::read_dir(&library).map_err(|error| format!("{}: {error}", library.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages")))
        .find(|path| path.is_dir())
        .ok_or_else(|| format!("{}: no packages in it", library.display()))
}

/// The environment; made when it is not there, or not of these packages.
fn environment() -> Result<PathBuf, String> {
    let directory = cache()?.join("imaging-peers");
    let mark = directory.join("requirements.txt");
    if fs::read_to_string(&mark).is_ok_and(|made_of| made_of == REQUIREMENTS) {
        return Ok(directory);
    }
    println!(
        "bench: installing the peers into {}, once",
        directory.display()
    );
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&directory))?;
    let wanted = directory.join("wanted.txt");
    let write = |path: &Path| {
        fs::write(path, REQUIREMENTS).map_err(|error| format!("{}: {error}", path.display()))
    };
    write(&wanted)?;
    run(Command::new(directory.join("bin/python3"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--timeout", "30", "--retries", "1"])
        .args([
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--requirement",
        ])
        .arg(&wanted))?;
    write(&mark)?;
    Ok(directory)
}

/// The cache directory of the other rooms.
fn cache() -> Result<PathBuf, String> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("BAYONET_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("bayonet")))
        .or_else(|| Some(variable("HOME")?.join(".cache/bayonet")))
        .ok_or_else(|| String::from("no cache directory: set BAYONET_CACHE or HOME"))
}

/// What a program writes; its last words when it fails.
fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = [output.stderr, output.stdout].concat();
    let words = String::from_utf8_lossy(&words);
    let last = words
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    Err(format!("{name}: {}: {}", output.status, last.trim()))
}
