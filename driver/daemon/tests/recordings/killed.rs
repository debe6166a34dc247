//! `kill -9` at any moment: everything that the index names is whole, and mending loses nothing.

use crate::{DIRECTORY, LIMIT, directory, look, offer, only, start};
use bayonet_daemon::recordings::index;
use bayonet_daemon::recordings::repair::{self, Problem};
use bayonet_daemon::report::RecordingEnd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes of a frame.
const FRAME: usize = 300_000;
/// Lines of the index after which it is killed.
const LINES: [usize; 5] = [1, 4, 15, 40, 41];

/// Records until it is killed.
#[test]
#[ignore = "started by the test below"]
fn record() {
    let Some(directory) = directory() else { return };
    let recorder = start(&directory, 64 << 20);
    let begin = Instant::now();
    for number in 1.. {
        offer(&recorder, number, FRAME);
        while recorder.intake().progress().queue.frames > 16 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(begin.elapsed() < LIMIT, "nobody kills it");
    }
}

fn lines(directory: &Path) -> usize {
    let mut entries = std::fs::read_dir(directory).unwrap();
    let index = entries
        .next()
        .map(|entry| entry.unwrap().path().join(index::FILE));
    let text = index.and_then(|index| std::fs::read(index).ok());
    text.unwrap_or_default()
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
}

#[test]
fn what_was_written_before_is_valid() {
    for wanted in LINES {
        let root = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::record", "--ignored"])
            .env(DIRECTORY, root.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while lines(root.path()) < wanted {
            assert!(begin.elapsed() < LIMIT, "it does not record");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let recording = only(root.path());
        let seen = look(&recording);
        let whole: u64 = seen.cameras.iter().map(|camera| camera.whole).sum();
        assert!(whole as usize + 1 >= wanted, "{whole} frames");
        for problem in &seen.problems {
            let expected = matches!(
                problem,
                Problem::NoEnd
                    | Problem::Line { .. }
                    | Problem::NoLine { .. }
                    | Problem::Partial { .. }
            );
            assert!(expected, "{problem}");
        }
        repair::mend(repair::look(&recording, |_, _| {}).unwrap()).unwrap();
        let mended = look(&recording);
        assert_eq!(mended.problems, []);
        assert_eq!(mended.end, Some(RecordingEnd::Interrupted));
        let after: u64 = mended.cameras.iter().map(|camera| camera.whole).sum();
        assert_eq!(after, whole);
    }
}
