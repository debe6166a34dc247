//! What the recorder keeps up with: two cameras' raw frames of 2736 x 1824 samples with 12 bits, at 25 frames a second
//! in total, encoded as `bayonet-camera` does, sent through a pipe as to `bayonetd`, written as it writes them.
//!
//! Frames come when they are due, whether somebody is ready or not; what nobody was ready for counts as dropped. Where
//! they are written to is the first argument, `/dev/shm` without one; for how many seconds is the second, 20 without one.

use bayonet_daemon::camera::negative::{Facts, Frame, Writer};
use bayonet_daemon::camera::raw::{Format, Layout};
use bayonet_daemon::camera::tags;
use bayonet_daemon::recordings::index::HeadCamera;
use bayonet_daemon::recordings::{Ending, Intake, Request, Shot, Store};
use bayonet_daemon::report::{CameraName, RecordingEnd, Values};
use bayonet_daemon::wire::Compression;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::env;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The IMX283's mode of two by two samples.
const SIZE: [usize; 2] = [2736, 1824];
const BITS: u8 = 12;
/// Of each camera: 25 a second of both.
const PERIOD: Duration = Duration::from_millis(80);
/// The queue's limit that `bayonetd.toml` has.
const QUEUE: usize = 256 << 20;
/// Black, and electrons that a sample's step stands for: a picture of middle brightness at gain 1.
const BLACK: f64 = 200.0;
const ELECTRONS: f64 = 2.8;
/// Different pictures, so that no cache holds them all.
const PICTURES: u64 = 3;

fn main() {
    // `cargo bench` adds a word of its own.
    let mut words = env::args().skip(1).filter(|word| word != "--bench");
    let directory = PathBuf::from(words.next().unwrap_or_else(|| "/dev/shm".to_owned()));
    let seconds = words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(20);
    let directory = directory.join(format!("bayonet-recorder-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory to write to");
    record(&directory, Duration::from_secs(seconds));
    fs::remove_dir_all(&directory).expect("what was written goes again");
}

fn record(directory: &Path, duration: Duration) {
    let pictures: Vec<Vec<u8>> = (0..PICTURES).map(picture).collect();
    let store = Store::new(directory, 0, QUEUE);
    let request = Request {
        cameras: CameraName::ALL
            .map(|camera| HeadCamera {
                camera,
                model: "imx283".into(),
            })
            .into(),
        lens: None,
        frames: None,
    };
    let mut recorder = store
        .start(1, SystemTime::now(), &request)
        .expect("a recording");
    let ended = recorder.ended().expect("its end");
    let intake = recorder.intake().clone();
    let begin = Instant::now();
    thread::scope(|scope| {
        for camera in CameraName::ALL {
            // One that is encoded, and one that waits: as many as a camera's buffers allow.
            let (frames, queue) = sync_channel(1);
            let (reader, writer) = pipe().expect("a pipe");
            let (pictures, intake) = (&pictures, intake.clone());
            let counts = intake.clone();
            scope.spawn(move || encode(pictures, &queue, writer));
            scope.spawn(move || take(camera, reader, &intake));
            scope.spawn(move || {
                // A recording counts from 1.
                for number in 1.. {
                    let due = PERIOD * (number - 1);
                    if due >= duration {
                        break;
                    }
                    thread::sleep(due.saturating_sub(begin.elapsed()));
                    if frames.try_send(number).is_err() {
                        counts.dropped(&shot(camera, number));
                    }
                }
            });
        }
    });
    let took = begin.elapsed();
    intake.end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + Duration::from_secs(60),
    });
    let end = ended.blocking_recv().expect("an end");
    let (mut written, mut dropped, mut bytes) = (0, 0, 0);
    for camera in &end.cameras {
        written += camera.written;
        dropped += camera.dropped + camera.missing;
        bytes += camera.bytes;
    }
    let seconds = took.as_secs_f64();
    let packed = (SIZE[0] * SIZE[1] * usize::from(BITS) / 8) as f64;
    println!(
        "recorder: two cameras, {} x {}, {BITS} bit, {} frames a second in total, to {}",
        SIZE[0],
        SIZE[1],
        2000 / PERIOD.as_millis(),
        directory.display()
    );
    println!(
        "  written {written}, dropped {dropped}, {:.0} MB/s, {:.1} % of the packed size, {:.0} % of one processor, {} MiB \
         at most",
        bytes as f64 / 1e6 / seconds,
        100.0 * bytes as f64 / (written as f64 * packed),
        100.0 * processor_seconds() / seconds,
        most_memory_mib()
    );
}

fn shot(camera: CameraName, number: u32) -> Shot {
    Shot {
        camera,
        number,
        sequence: number,
        timestamp_ns: u64::from(number) * PERIOD.as_nanos() as u64,
    }
}

/// The camera's process.
fn encode(pictures: &[Vec<u8>], queue: &Receiver<u32>, mut pipe: PipeWriter) {
    let layout = Layout {
        format: Format::named(u32::from_le_bytes(*b"RGB6"), 0).expect("a format"),
        width: SIZE[0],
        height: SIZE[1],
        stride: 2 * SIZE[0],
    };
    let facts = Facts {
        model: "imx283".to_owned(),
        array: Some([5472, 3648]),
        pitch_um: Some(2.4),
        area: None,
    };
    let mut writer = Writer::new(facts, Compression::LosslessJpeg);
    let (mut samples, mut file) = (Vec::new(), Vec::new());
    for number in queue {
        let picture = &pictures[number as usize % pictures.len()];
        let bits = layout.read(picture, &mut samples).expect("a frame");
        let frame = Frame {
            layout,
            bits,
            samples: &samples,
        };
        let shot = tags::Shot {
            model: "imx283".to_owned(),
            taken: SystemTime::now(),
            exposure: Some(10_000),
            gain: Some(1.0),
            lens: None,
            place: None,
        };
        writer
            .write(&frame, &shot, &Values::new(), &mut file)
            .expect("a DNG");
        let head = [u64::from(number), file.len() as u64].map(u64::to_le_bytes);
        pipe.write_all(head.as_flattened()).expect("the pipe");
        pipe.write_all(&file).expect("the pipe");
    }
}

/// What `bayonetd` does with a camera's frames.
fn take(camera: CameraName, mut pipe: PipeReader, intake: &Intake) {
    let mut head = [[0; 8]; 2];
    while pipe.read_exact(head.as_flattened_mut()).is_ok() {
        let [number, bytes] = head.map(u64::from_le_bytes);
        let shot = shot(camera, number as u32);
        let mut file = (&mut pipe).take(bytes);
        match intake.room(&shot, bytes) {
            Some(mut buffer) => {
                file.read_to_end(&mut buffer).expect("the pipe");
                intake.try_write(shot, buffer);
            }
            None => drop(io::copy(&mut file, &mut io::sink()).expect("the pipe")),
        }
    }
}

/// A picture in the sixteen bits that libcamera gives: slopes, edges, and the noise of light.
fn picture(seed: u64) -> Vec<u8> {
    let [width, height] = SIZE;
    let mut random = Random(seed);
    let mut bytes = Vec::with_capacity(2 * width * height);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let (column, row) = (x as f64 / width as f64, y as f64 / height as f64);
        let slope = 0.05 + 0.3 * column * (1.0 - 0.5 * row);
        let edge = if (x / 180 + y / 120 + seed as usize).is_multiple_of(3) {
            2.0
        } else {
            1.0
        };
        let filter = [0.5, 1.0, 1.0, 0.6][y % 2 * 2 + x % 2];
        let electrons = 3895.0 * ELECTRONS * slope * edge * filter;
        let level = BLACK + (electrons + electrons.sqrt() * random.normal()) / ELECTRONS;
        let sample = level.round().clamp(0.0, 4095.0) as u16;
        bytes.extend((sample << (16 - BITS)).to_le_bytes());
    }
    bytes
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        // Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly normal: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn processor_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel counts");
    [usage.user_time(), usage.system_time()]
        .map(|time| time.num_microseconds() as f64 / 1e6)
        .iter()
        .sum()
}

fn most_memory_mib() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel counts");
    usage.max_rss() as u64 / 1024
}
