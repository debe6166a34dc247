//! Recordings on real disks that fill up, and in processes that are killed. What belongs where: `killed` is `kill -9`,
//! `disks` are small file systems, for which a namespace of the tests' own is needed.
//!
//! A test starts this program again for what must happen in a process of its own: a test that is ignored, with the
//! directory in its environment.

mod disks;
mod killed;

use bayonet_daemon::recordings::index::HeadCamera;
use bayonet_daemon::recordings::repair::{self, Report};
use bayonet_daemon::recordings::{Recorder, Request, Shot, Store};
use bayonet_daemon::report::CameraName;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);
/// Where the other process has its directory.
const DIRECTORY: &str = "BAYONET_TEST_DIRECTORY";

/// The directory, in the other process; none where somebody runs ignored tests by hand.
fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

fn start(directory: &Path, queue: usize) -> Recorder {
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
    let store = Store::new(directory, 0, queue);
    store.start(1, SystemTime::now(), &request).unwrap()
}

/// Offers a frame of both cameras, whose bytes tell which they are.
fn offer(recorder: &Recorder, number: u32, bytes: usize) {
    for camera in CameraName::ALL {
        let shot = Shot {
            camera,
            number,
            sequence: number,
            timestamp_ns: u64::from(number) * 40_000_000,
        };
        if let Some(mut buffer) = recorder.intake().room(&shot, bytes as u64) {
            buffer.extend(b"II*\0");
            buffer.resize(bytes, number as u8);
            recorder.intake().try_write(shot, buffer);
        }
    }
}

/// The one recording in a directory.
fn only(directory: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(directory).unwrap();
    let recordings = entries.find_map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name();
        name.to_str()?.ends_with('Z').then(|| entry.path())
    });
    recordings.expect("a recording")
}

fn look(recording: &Path) -> Report {
    repair::look(recording, |_, _| {}).unwrap().report
}
