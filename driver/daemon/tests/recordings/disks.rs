//! Small file systems: recordings fill them, or find them read-only.

use crate::{DIRECTORY, directory, look, offer, only, start};
use bayonet_daemon::recordings::index::End;
use bayonet_daemon::recordings::{Request, Store};
use bayonet_daemon::report::RecordingEnd;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Bytes of a frame.
const FRAME: usize = 700_000;

/// Runs an ignored test on a file system of its own, mounted with these options; says so where that cannot be.
fn on_disk(options: &str, test: &str) {
    let root = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o \"$1\" none \"$2\"";
    let namespace = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                command,
                "sh",
                options,
            ])
            .arg(root.path())
            .arg(std::env::current_exe().unwrap())
            .arg(test)
            .env(DIRECTORY, root.path());
        unshare.output()
    };
    let possible = namespace(mount);
    if !possible
        .as_ref()
        .is_ok_and(|output| output.status.success())
    {
        let why = possible.map_or_else(
            |error| error.to_string(),
            |output| String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        eprintln!(
            "SKIPPED {test}: no namespace to mount a small disk in: {}",
            why.trim()
        );
        return;
    }
    let run = format!("{mount} && exec \"$3\" --exact \"$4\" --ignored --nocapture");
    let output = namespace(&run).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("1 passed"), "{said}");
}

/// Records until the disk ends it; `meanwhile` is done when the first frames are there.
fn fill(directory: &Path, meanwhile: impl FnOnce()) -> End {
    let mut recorder = start(directory, 16 << 20);
    let mut ended = recorder.ended().unwrap();
    let mut meanwhile = Some(meanwhile);
    for number in 1.. {
        offer(&recorder, number, FRAME);
        if recorder.intake().progress().cameras[1].written > 0
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile();
        }
        if let Ok(end) = ended.try_recv() {
            return end;
        }
    }
    unreachable!("numbers do not end")
}

fn check(directory: &Path, end: &End) {
    assert_eq!(end.reason, RecordingEnd::DiskFull, "{end:?}");
    let seen = look(&only(directory));
    assert_eq!(seen.problems, [], "nothing is half-written");
    let whole: u64 = seen.cameras.iter().map(|camera| camera.whole).sum();
    let written: u64 = end.cameras.iter().map(|camera| camera.written).sum();
    assert!(whole == written && whole > 0, "{whole} of {written}");
}

#[test]
#[ignore = "started by the test below"]
fn full() {
    let Some(directory) = directory() else { return };
    let end = fill(&directory, || {});
    assert!(end.message.as_ref().unwrap().contains("minimum_free_mib"));
    check(&directory, &end);
}

#[test]
fn a_disk_that_is_filled_ends_it_before_it_is_full() {
    on_disk("size=8m", "disks::full");
}

#[test]
#[ignore = "started by the test below"]
fn without_inodes() {
    let Some(directory) = directory() else { return };
    let end = fill(&directory, || {});
    assert!(
        end.message
            .as_ref()
            .unwrap()
            .contains("No space left on device")
    );
    check(&directory, &end);
}

#[test]
fn a_disk_that_takes_no_more_files_ends_it() {
    on_disk("size=64m,nr_inodes=16", "disks::without_inodes");
}

#[test]
#[ignore = "started by the test below"]
fn with_another() {
    let Some(directory) = directory() else { return };
    let other = directory.join("other");
    let end = fill(&directory, || {
        std::thread::spawn(move || {
            let mut file = File::create(other).unwrap();
            // Until there is no room for another page.
            while file.write_all(&[1; 4096]).is_ok() {}
        });
    });
    check(&directory, &end);
}

/// The room is there when it is looked for and gone when it is used.
#[test]
fn a_disk_that_somebody_else_fills_ends_it_in_mid_frame() {
    on_disk("size=32m", "disks::with_another");
}

#[test]
#[ignore = "started by the test below"]
fn read_only() {
    let Some(directory) = directory() else { return };
    let request = Request {
        cameras: Vec::new(),
        lens: None,
        frames: None,
    };
    let store = Store::new(&directory.join("recordings"), 0, 16 << 20);
    let error = store.start(1, SystemTime::now(), &request).unwrap_err();
    assert!(
        error.to_string().contains("Read-only file system"),
        "{error}"
    );
}

#[test]
fn a_read_only_disk_is_told_at_the_start() {
    on_disk("ro", "disks::read_only");
}
