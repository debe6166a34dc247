//! libcamera's `cam`: captures, and what it prints of them.

use crate::kernel::is_imx8mm;
use crate::orders::Port;
use crate::process::{Ended, Running};
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Longest time for a capture; under emulation a 20-megapixel frame takes a second.
pub(crate) const CAPTURE_LIMIT: Duration = Duration::from_secs(120);
/// The process of an IPA for the software ISP, as `/proc/PID/comm` names it.
pub(crate) const IPA_WORKER: &str = "soft_ipa_proxy";
/// Time in which a program that is to get no frame must not have got one.
const WAITING: Duration = Duration::from_secs(10);
/// Small processed pictures.
pub(crate) const SMALL: &str = "width=640,height=480";
/// Small pictures of the software ISP, which takes some pixels off each border of an imx219's smallest read-out; for
/// larger ones it needs a read-out of six times the pixels.
const SMALL_IN_SOFTWARE: &str = "width=636,height=476";
/// The smallest raw read-out of the sensor: 3x3 binned, 12 bits in 16.
pub(crate) const SMALL_RAW: &str = "role=raw,width=1824,height=1216,pixelformat=SRGGB16";
/// Where files are captured to.
const DIRECTORY: &str = "/dev/shm/ktap";
/// Beginning of libcamera's names for the cameras.
const ID_PREFIX: &str = "/base/pcie@10000000/rp1@10,0/pci-ep-bus@1/i2c@400";

/// Small processed pictures that cost this board least.
pub(crate) fn small() -> &'static str {
    match is_imx8mm() {
        true => SMALL_IN_SOFTWARE,
        false => SMALL,
    }
}

impl Port {
    /// libcamera's name of the camera.
    pub(crate) fn camera_id(self) -> String {
        let node = self.sensor_node().unwrap_or_default();
        format!("{ID_PREFIX}{}/{node}", self.i2c_address())
    }
}

/// One frame as `cam` told it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frame {
    /// Sequence number.
    pub(crate) sequence: u64,
    /// Metadata of the request, if asked for.
    pub(crate) metadata: HashMap<String, String>,
}

impl Frame {
    /// A number of the metadata.
    pub(crate) fn number(&self, key: &str) -> Result<f64> {
        let text = self.metadata.get(key);
        let text = text.with_context(|| format!("frame {} has no {key}", self.sequence))?;
        text.parse()
            .with_context(|| format!("{key} = {text} is no number"))
    }
}

/// A capture that has ended.
#[derive(Debug)]
pub(crate) struct Capture {
    /// Frames in the order in which they came.
    pub(crate) frames: Vec<Frame>,
    /// The program's end.
    pub(crate) ended: Ended,
}

impl Capture {
    /// The frames, when all that were asked for came and the program says that all is well.
    pub(crate) fn complete(self, count: usize) -> Result<Vec<Frame>> {
        ensure!(
            self.ended.success() && self.frames.len() >= count,
            "{} of {count} frames, {:?}: {}",
            self.frames.len(),
            self.ended.status,
            self.ended.last_words()
        );
        Ok(self.frames)
    }

    /// Checks that the program ended by itself, where the driver lets it.
    pub(crate) fn ensure_no_hang(&self) -> Result<()> {
        ensure!(
            self.ended.status.is_some() || is_imx8mm(),
            "cam hung: {}",
            self.ended.last_words()
        );
        Ok(())
    }

    fn of(ended: Ended) -> Self {
        Self {
            frames: parse(&ended.stdout),
            ended,
        }
    }
}

/// How to capture.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    port: Port,
    count: usize,
    stream: String,
    extra: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Shot {
    /// `count` frames of a stream as `cam -s` describes it.
    pub(crate) fn new(port: Port, count: usize, stream: &str) -> Self {
        Self {
            port,
            count,
            stream: stream.to_owned(),
            extra: vec!["--metadata".into()],
            environment: Vec::new(),
        }
    }

    /// Adds variables to the environment of `cam`.
    pub(crate) fn environment(mut self, variables: &[(&str, &str)]) -> Self {
        let owned = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment.extend(owned);
        self
    }

    /// Sets controls with the first request.
    pub(crate) fn controls(mut self, controls: &[(&str, impl Display)]) -> Result<Self> {
        let mut script = String::from("frames:\n  - 0:\n");
        for (name, value) in controls {
            script += &format!("      {name}: {value}\n");
        }
        let path = PathBuf::from(DIRECTORY).join("controls.yaml");
        fs::create_dir_all(DIRECTORY).context("making room for captures")?;
        fs::write(&path, script).with_context(|| format!("writing {}", path.display()))?;
        self.extra.push(format!("--script={}", path.display()));
        Ok(self)
    }

    /// Starts `cam`.
    pub(crate) fn start(&self) -> Result<Running> {
        let id = self.port.camera_id();
        let count = format!("-C{}", self.count);
        let mut arguments = vec!["-c", &id, &count, "-s", &self.stream];
        arguments.extend(self.extra.iter().map(String::as_str));
        Running::start_with("cam", &arguments, &self.environment)
    }

    /// Captures to the end.
    pub(crate) fn take(&self) -> Result<Capture> {
        finish(self.start()?)
    }

    /// Captures from a sensor that cannot be started.
    ///
    /// A CSI bridge's stream is started by the first buffer that is queued: the error is that buffer's, the next one
    /// tries again, and after the last one the program waits until it is asked to end.
    pub(crate) fn attempt(&self) -> Result<Capture> {
        match is_imx8mm() {
            true => Ok(Capture::of(self.start()?.finish(WAITING)?)),
            false => self.take(),
        }
    }

    /// Nothing can be captured; the program's last words.
    pub(crate) fn refused(&self) -> Result<String> {
        let capture = self.attempt()?;
        ensure!(
            capture.frames.is_empty(),
            "{} frames came",
            capture.frames.len()
        );
        capture.ensure_no_hang()?;
        Ok(capture.ended.last_words())
    }

    /// Captures all frames; they must come.
    pub(crate) fn frames(&self) -> Result<Vec<Frame>> {
        self.take()?.complete(self.count)
    }

    /// Captures all frames into files; the last `keep` of them with their bytes.
    pub(crate) fn pictures(&self, keep: usize) -> Result<Vec<(Frame, Vec<u8>)>> {
        let directory = PathBuf::from(DIRECTORY).join("frames");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).context("making room for captures")?;
        let mut shot = self.clone();
        shot.extra.push(format!("--file={}/#", directory.display()));
        let mut frames = shot.frames()?;
        let mut files: Vec<PathBuf> = fs::read_dir(&directory)
            .context("listing captures")?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort();
        ensure!(
            files.len() >= keep && frames.len() >= keep,
            "{} files of {keep}",
            files.len()
        );
        let frames = frames.split_off(frames.len() - keep);
        let files = files.split_off(files.len() - keep);
        let pictures = frames
            .into_iter()
            .zip(files)
            .map(|(frame, file)| Ok((frame, fs::read(&file)?)))
            .collect();
        fs::remove_dir_all(&directory).context("clearing captures")?;
        pictures
    }
}

/// Waits for a capture's end.
pub(crate) fn finish(running: Running) -> Result<Capture> {
    running.finish(CAPTURE_LIMIT).map(Capture::of)
}

/// Number of frames in what `cam` has printed so far.
pub(crate) fn count(stdout: &str) -> usize {
    parse(stdout).len()
}

/// Frames in the output of `cam`: `12.345 (30.00 fps) cam0-stream0 seq: 000004 bytesused: 1843200`, then, with
/// `--metadata`, indented `Name = value` lines.
pub(crate) fn parse(stdout: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in stdout.lines() {
        if let Some((key, value)) = line
            .strip_prefix('\t')
            .and_then(|line| line.split_once(" = "))
        {
            if let Some(frame) = frames.last_mut() {
                frame
                    .metadata
                    .insert(key.trim().to_owned(), value.trim().to_owned());
            }
        } else if let Some(sequence) = sequence(line) {
            frames.push(Frame {
                sequence,
                ..Frame::default()
            });
        }
    }
    frames
}

fn sequence(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(" seq: ")?;
    rest.contains("bytesused").then_some(())?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Sequence numbers that are missing between the first frame and the last.
pub(crate) fn gaps(frames: &[Frame]) -> u64 {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return 0;
    };
    (last.sequence + 1).saturating_sub(first.sequence + frames.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OUTPUT: &str = "\
Using camera /base/soc/i2c@1/sensor@1a as cam0
cam0: Capture 3 frames
32.532264 (0.00 fps) cam0-stream0 seq: 000000 bytesused: 2256896
\tAeState = 1
\tColourGains = [ 1.553248, 1.907335 ]
32.652684 (8.30 fps) cam0-stream0 seq: 000003 bytesused: 2256896
\tLux = 816.089233
";

    #[test]
    fn output_is_read() {
        let frames = parse(OUTPUT);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].number("AeState").unwrap(), 1.0);
        assert!(frames[0].number("ColourGains").is_err());
        assert!(frames[1].number("AeState").is_err());
        assert_eq!(frames[1].number("Lux").unwrap(), 816.089233);
        assert_eq!(gaps(&frames), 2);
        assert_eq!(gaps(&frames[..1]), 0);
        assert_eq!(gaps(&[]), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_output_can_be_read(text in "(\\PC|\n|\t| seq: |bytesused){0,60}") {
            let frames = parse(&text);
            gaps(&frames);
        }
    }
}
