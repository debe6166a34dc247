//! What the recorder takes: frames of two cameras at 25 a second together, then as fast as the disk takes them; and
//! the memory of the whole process until then.
//!
//!     cargo bench --package bayonet-daemon --bench recorder -- DIRECTORY...
//!
//! Without directories it writes to memory (`/dev/shm`) and below `target`. A frame is as long as one of 2736 x 1824
//! samples with 12 bits, not compressed. The recordings are removed.

use bayonet_daemon::recordings::index::{End, HeadCamera};
use bayonet_daemon::recordings::{Ending, Recorder, Request, Shot, Store};
use bayonet_daemon::report::{CameraName, RecordingEnd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Bytes of a frame.
const FRAME: usize = 2736 * 1824 * 12 / 8;
/// Frames of both cameras together as fast as possible: 1.9 GB.
const FAST: u32 = 250;
/// Frames of both cameras together at [`RATE`]: ten seconds.
const PACED: u32 = 250;
/// Frames a second, of both cameras together.
const RATE: u32 = 25;
/// As `recordings.queue_mib` is without a configuration.
const QUEUE: usize = 256 << 20;
/// Between two looks whether there is room.
const PAUSE: Duration = Duration::from_micros(200);
/// Longest time for what waits at the end.
const END_LIMIT: Duration = Duration::from_secs(120);

fn begin(directory: &Path) -> Recorder {
    let cameras = CameraName::ALL.map(|camera| HeadCamera {
        camera,
        model: "imx283".into(),
    });
    let request = Request {
        cameras: cameras.into(),
        lens: None,
        frames: None,
    };
    let store = Store::new(directory, 0, QUEUE);
    let started = store.start(1, SystemTime::now(), &request);
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// Offers the n-th frame, of one camera and the other in turn.
fn offer(recorder: &Recorder, n: u32, frame: &[u8]) {
    let shot = Shot {
        camera: CameraName::ALL[n as usize % 2],
        number: n / 2 + 1,
        sequence: n / 2,
        timestamp_ns: u64::from(n) * 40_000_000,
    };
    if let Some(mut buffer) = recorder.intake().room(&shot, frame.len() as u64) {
        buffer.extend_from_slice(frame);
        recorder.intake().try_write(shot, buffer);
    }
}

fn finish(mut recorder: Recorder) -> End {
    recorder.intake().end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + END_LIMIT,
    });
    let ended = recorder.ended().expect("it was not asked for");
    ended.blocking_recv().expect("the recorder does not panic")
}

/// Highest resident memory of this process, in MB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0 / 1e6
}

fn row(sink: &Path, what: &str, begun: Instant, end: &End) {
    let seconds = begun.elapsed().as_secs_f64();
    let sum = |count: fn(&bayonet_daemon::report::RecordedCamera) -> u64| {
        end.cameras.iter().map(count).sum::<u64>()
    };
    let bytes = sum(|camera| camera.bytes);
    println!(
        "{:24}  {what:12}  {:>6}  {:>7}  {:>8.1}  {:>8.0}",
        sink.display(),
        sum(|camera| camera.written),
        sum(|camera| camera.dropped),
        bytes as f64 / seconds / 1e6,
        memory(),
    );
    if let Some(message) = &end.message {
        println!("{message}");
    }
}

fn main() {
    let mut sinks: Vec<PathBuf> = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .map(PathBuf::from)
        .collect();
    if sinks.is_empty() {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        sinks = vec!["/dev/shm".into(), target.into()];
    }
    // What does not compress, as a disk that compresses would be too fast otherwise.
    let mut seed = 1_u32;
    let mut noise = || {
        // xorshift32, G. Marsaglia, Xorshift RNGs, 2003.
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as u8
    };
    let frame: Vec<u8> = (0..FRAME).map(|_| noise()).collect();
    println!(
        "{:24}  {:12}  {:>6}  {:>7}  {:>8}  {:>8}",
        "SINK", "FRAMES", "WRITTEN", "DROPPED", "MB/S", "MB"
    );
    for sink in &sinks {
        let directory = sink.join(format!("bayonet-recorder-{}", std::process::id()));
        let recorder = begin(&directory);
        let begun = Instant::now();
        for n in 0..PACED {
            let due = Duration::from_secs(1) * n / RATE;
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            offer(&recorder, n, &frame);
        }
        let end = finish(recorder);
        row(sink, &format!("{RATE} a second"), begun, &end);
        std::fs::remove_dir_all(&directory).expect("they can be removed");

        let recorder = begin(&directory);
        let begun = Instant::now();
        for n in 0..FAST {
            // With room for the longest frame, none is dropped.
            while recorder.intake().progress().queue.bytes > (QUEUE - 2 * FRAME) as u64 {
                std::thread::sleep(PAUSE);
            }
            offer(&recorder, n, &frame);
        }
        let end = finish(recorder);
        row(sink, "all at once", begun, &end);
        std::fs::remove_dir_all(&directory).expect("they can be removed");
    }
}
