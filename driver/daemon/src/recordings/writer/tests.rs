//! Whatever fails and whenever it ends: what has a frame's name is that frame, whole, and the index says what is there.

use super::*;
use crate::recordings::faults::Fault;
use crate::recordings::index::{self, HeadCamera};
use crate::recordings::repair;
use crate::recordings::store::{Request, Store};
use crate::report::CameraName;
use CameraName::{Main, Mount};
use nix::libc;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

struct Bench {
    _root: TempDir,
    directory: PathBuf,
    intake: Intake,
    writer: Writer,
    batch: Vec<Item>,
}

fn request() -> Request {
    let camera = |camera| HeadCamera {
        camera,
        model: "imx283".into(),
    };
    Request {
        cameras: vec![camera(Main), camera(Mount)],
        lens: None,
        frames: None,
    }
}

fn bench(minimum_free: u64) -> Bench {
    let root = tempfile::tempdir().unwrap();
    let store = Store::new(root.path(), minimum_free, 16 << 20);
    let (_, place) = store.prepare(UNIX_EPOCH, &request()).unwrap();
    Bench {
        _root: root,
        directory: place.directory.clone(),
        intake: Intake::new(1, &[Main, Mount], 16 << 20, None),
        writer: Writer::new(place).unwrap(),
        batch: Vec::with_capacity(BATCH),
    }
}

/// What a frame holds: the beginning of a TIFF file, and bytes that no other frame has.
fn content(camera: CameraName, number: u32, bytes: usize) -> Vec<u8> {
    let mut content = b"II*\0".to_vec();
    let seed = number as usize * 2 + camera as usize;
    content.extend((0..bytes).map(|i| (i * 31 + seed * 7) as u8));
    content
}

impl Bench {
    fn offer(&self, camera: CameraName, number: u32, bytes: usize) {
        let shot = Shot {
            camera,
            number,
            sequence: number,
            timestamp_ns: u64::from(number) * 1_000_000,
        };
        let content = content(camera, number, bytes);
        if let Some(mut buffer) = self.intake.room(&shot, content.len() as u64) {
            buffer.extend(content);
            self.intake.try_write(shot, buffer);
        }
    }

    fn turn(&mut self) -> Result<Option<Ending>, Failure> {
        let shared = self.intake.shared();
        self.writer.turn(&shared, Duration::ZERO, &mut self.batch)
    }

    /// As [`Writer::run`], in this thread.
    fn finish(self, reason: RecordingEnd) -> (TempDir, PathBuf, Intake, End) {
        self.intake.end(Ending {
            reason,
            message: None,
            deadline: Instant::now() + Duration::from_secs(3600),
        });
        let end = self.writer.run(&self.intake.shared());
        (self._root, self.directory, self.intake, end)
    }

    fn fail(&mut self, after: u32, errno: i32, lasting: bool, tears: bool) {
        self.writer.disk.fault = Some(Fault {
            left: Some(after),
            errno,
            lasting,
            tears,
        });
    }
}

/// Names and contents of what is there.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for camera in CameraName::ALL {
        let Ok(entries) = fs::read_dir(directory.join(camera.as_str())) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let name = format!("{camera}/{}", entry.file_name().to_str().unwrap());
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

fn contents(directory: &Path) -> index::Contents {
    let file = File::open(directory.join(index::FILE)).unwrap();
    index::read(BufReader::new(file)).unwrap()
}

fn partial(files: &BTreeMap<String, Vec<u8>>) -> usize {
    files.keys().filter(|name| name.ends_with(PARTIAL)).count()
}

#[test]
fn frames_and_index_are_there_when_it_ends() {
    let mut bench = bench(0);
    for number in 1..=20 {
        bench.offer(Main, number, 1000);
        bench.offer(Mount, number, 2000);
        bench.turn().unwrap();
    }
    let (_root, directory, intake, end) = bench.finish(RecordingEnd::Stopped);
    assert_eq!(end.reason, RecordingEnd::Stopped);
    assert_eq!(end.message, None);
    let files = files(&directory);
    assert_eq!(files.len(), 40);
    assert_eq!(files["mount/000007.dng"], content(Mount, 7, 2000));
    let contents = contents(&directory);
    assert_eq!(contents.end(), Some(&end));
    assert_eq!(contents.damaged, []);
    let first = contents.frames().next().unwrap();
    assert_eq!(
        (first.sequence, first.timestamp_ns),
        (Some(1), Some(1_000_000))
    );
    assert_eq!(end.cameras[1].bytes, 20 * 2004);
    let progress = intake.progress();
    assert_eq!((progress.cameras, progress.queue.bytes), (end.cameras, 0));
}

#[test]
fn a_frame_that_does_not_fit_leaves_nothing_and_ends_it() {
    let mut bench = bench(0);
    bench.offer(Main, 1, 1000);
    bench.turn().unwrap();
    bench.offer(Main, 2, 1000);
    bench.offer(Main, 3, 1000);
    // The space, the file, half of the bytes.
    bench.fail(2, libc::ENOSPC, false, true);
    let (_root, directory, _, end) = bench.finish(RecordingEnd::Stopped);
    assert_eq!(end.reason, RecordingEnd::DiskFull);
    let message = end.message.clone().unwrap();
    assert!(
        message.contains("main/000002.dng.part: No space left") && message.contains("larger disk"),
        "{message}"
    );
    let files = files(&directory);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["main/000001.dng"]);
    assert_eq!((end.cameras[0].written, end.cameras[0].dropped), (1, 2));
    let contents = contents(&directory);
    assert_eq!(contents.end(), Some(&end));
    let gap = contents.lines.iter().find_map(|line| match line {
        Line::Gap(gap) => Some((gap.after, gap.frames, gap.cause)),
        _ => None,
    });
    assert_eq!(gap, Some((1, 2, index::Cause::Storage)));
}

#[test]
fn errors_say_what_is_wrong_with_the_disk() {
    for (errno, reason, said) in [
        (libc::ENOSPC, RecordingEnd::DiskFull, "larger disk"),
        (libc::EDQUOT, RecordingEnd::DiskFull, "quota"),
        (libc::EROFS, RecordingEnd::Storage, "read-only"),
        (libc::ENOENT, RecordingEnd::Storage, "was it removed"),
        (libc::EIO, RecordingEnd::Storage, "see dmesg"),
    ] {
        let mut bench = bench(0);
        bench.offer(Main, 1, 10);
        bench.fail(1, errno, true, false);
        let (_root, _, _, end) = bench.finish(RecordingEnd::Stopped);
        let message = end.message.unwrap();
        assert_eq!(end.reason, reason, "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_directory_that_vanishes_ends_it() {
    let mut bench = bench(0);
    bench.offer(Main, 1, 1000);
    bench.turn().unwrap();
    fs::remove_dir_all(&bench.directory).unwrap();
    bench.offer(Main, 2, 1000);
    let (_root, directory, _, end) = bench.finish(RecordingEnd::Stopped);
    assert_eq!(end.reason, RecordingEnd::Storage);
    assert!(end.message.unwrap().contains("its disk taken out"));
    assert!(!directory.exists());
}

#[test]
fn the_space_that_is_to_stay_free_stays_free() {
    let mut bench = bench(0);
    bench.offer(Main, 1, 1000);
    bench.turn().unwrap();
    bench.writer.place.minimum_free = u64::MAX;
    bench.offer(Main, 2, 1000);
    let (_root, directory, _, end) = bench.finish(RecordingEnd::Stopped);
    assert_eq!(end.reason, RecordingEnd::DiskFull);
    let message = end.message.unwrap();
    assert!(message.contains("recordings.minimum_free_mib"), "{message}");
    assert_eq!(files(&directory).len(), 1);
    assert!(contents(&directory).end().is_some(), "cleanly");
}

#[test]
fn half_a_line_that_cannot_be_taken_back_costs_no_other_line() {
    let mut bench = bench(0);
    bench.offer(Main, 1, 10);
    // Room for the index, space, file, bytes, sync, name, index, and taking back what is there of the line.
    bench.fail(6, libc::EIO, true, true);
    bench.turn().unwrap_err();
    assert!(bench.writer.torn);
    bench.writer.disk.fault = None;
    let (_root, directory, _, end) = bench.finish(RecordingEnd::Stopped);
    let contents = contents(&directory);
    assert_eq!(contents.damaged.len(), 1);
    assert_eq!(contents.end(), Some(&end));
}

/// What was written while time was left is whole; the rest is given up.
#[test]
fn the_end_does_not_wait_for_ever() {
    let bench = bench(0);
    bench.offer(Main, 1, 10);
    bench.intake.end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now(),
    });
    let (_root, directory, _, end) = bench.finish(RecordingEnd::Complete);
    assert_eq!(end.reason, RecordingEnd::Stopped, "the first one counts");
    assert!(
        end.message
            .clone()
            .unwrap()
            .starts_with("1 frames did not reach")
    );
    assert_eq!(files(&directory).len(), 0);
    assert_eq!(contents(&directory).end(), Some(&end));
}

/// In steady state a frame costs no memory on its way to the disk.
#[test]
fn nothing_is_allocated_for_a_frame() {
    let mut bench = bench(0);
    let mut number = 0;
    let mut turn = |bench: &mut Bench| {
        number += 1;
        for camera in [Main, Mount] {
            let shot = Shot {
                camera,
                number,
                sequence: number * 2,
                timestamp_ns: 0,
            };
            let mut buffer = bench.intake.room(&shot, 100_000).unwrap();
            buffer.resize(100_000, 7);
            bench.intake.try_write(shot, buffer);
        }
        // Names and index too.
        bench.writer.synced -= SYNC_PERIOD;
        bench.turn().unwrap();
    };
    (0..4).for_each(|_| turn(&mut bench));
    let counted = allocation_counter::measure(|| (0..20).for_each(|_| turn(&mut bench)));
    assert_eq!(counted.count_total, 0);
}

#[derive(Clone, Debug)]
enum Op {
    Frame(bool, usize),
    Drop(bool),
    Gone(bool),
    Turn,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Which call fails, and whether all that follow do.
    fault: Option<(u32, usize, bool)>,
    /// Whether it is killed: no end, and an index that is cut at this byte from its end.
    killed: Option<u64>,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (any::<bool>(), 0..5000_usize).prop_map(|(mount, bytes)| Op::Frame(mount, bytes)),
        1 => any::<bool>().prop_map(Op::Drop),
        1 => any::<bool>().prop_map(Op::Gone),
        3 => Just(Op::Turn),
    ];
    prop::collection::vec(op, 0..60)
}

fn plan() -> impl Strategy<Value = Plan> {
    let fault = prop::option::of((0..150_u32, 0..ERRORS.len(), any::<bool>()));
    let killed = prop::option::of(0..300_u64);
    (fault, killed).prop_map(|(fault, killed)| Plan { fault, killed })
}

const ERRORS: [i32; 4] = [libc::ENOSPC, libc::EDQUOT, libc::EIO, libc::EROFS];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Frames come and go, any system call fails, the program is killed at any point and the last line torn.
    #[test]
    fn what_has_a_name_is_whole(ops in ops(), plan in plan()) {
        let mut bench = bench(0);
        if let Some((call, error, lasting)) = plan.fault {
            bench.fail(call, ERRORS[error], lasting, true);
        }
        let name = |mount| if mount { Mount } else { Main };
        let mut numbers = [0; 2];
        let mut lengths = BTreeMap::new();
        for op in ops {
            match op {
                Op::Frame(mount, bytes) => {
                    let number = &mut numbers[usize::from(mount)];
                    *number += 1;
                    lengths.insert(FrameName { camera: name(mount), number: *number }, bytes);
                    bench.offer(name(mount), *number, bytes);
                }
                Op::Drop(mount) => {
                    let number = &mut numbers[usize::from(mount)];
                    *number += 1;
                    bench.intake.dropped(&Shot {
                        camera: name(mount),
                        number: *number,
                        sequence: *number,
                        timestamp_ns: 0,
                    });
                }
                Op::Gone(mount) => bench.intake.gone(name(mount), "away".into()),
                Op::Turn => {
                    if bench.turn().is_err() {
                        break;
                    }
                }
            }
        }
        let came: u64 = numbers.iter().copied().map(u64::from).sum();
        let failed = bench.writer.disk.fault.is_some_and(|fault| fault.left.is_none() || fault.left == Some(0));
        let lasting = plan.fault.is_some_and(|(_, _, lasting)| lasting);
        let (_root, directory, end) = if let Some(cut) = plan.killed {
            let Bench { _root, directory, intake, writer, .. } = bench;
            drop((writer, intake));
            let index = fs::OpenOptions::new().write(true).open(directory.join(index::FILE)).unwrap();
            let length = index.metadata().unwrap().len();
            index.set_len(length.saturating_sub(cut)).unwrap();
            // What a power cut leaves behind the end of a file on some disks.
            index.write_all_at(&[0; 3], length.saturating_sub(cut)).unwrap();
            (_root, directory, None)
        } else {
            let (root, directory, _, end) = bench.finish(RecordingEnd::Stopped);
            (root, directory, Some(end))
        };

        let before = files(&directory);
        for (name, bytes) in &before {
            if let Ok(frame) = name.parse::<FrameName>() {
                prop_assert!(*bytes == content(frame.camera, frame.number, lengths[&frame]), "{} is not whole", name);
            }
        }
        let contents = contents(&directory);
        let mut last = [0; 2];
        for entry in contents.frames() {
            let there = before.get(&entry.file.to_string());
            prop_assert_eq!(there.map(|bytes| Crc32::of(bytes)), Some(entry.crc32));
            let last = &mut last[entry.camera as usize];
            prop_assert!(entry.number > *last);
            *last = entry.number;
        }
        if let Some(end) = &end {
            let sum: u64 = end.cameras.iter().map(|it| it.written + it.dropped).sum();
            let whole = before.len() - partial(&before);
            let written: u64 = end.cameras.iter().map(|it| it.written).sum();
            prop_assert_eq!(written, whole as u64);
            if !lasting {
                prop_assert_eq!(sum, came, "each frame once");
                prop_assert_eq!(partial(&before), 0);
                prop_assert_eq!(contents.end(), Some(end));
            }
            if !failed && plan.fault.is_none() {
                prop_assert_eq!(end.reason, RecordingEnd::Stopped);
            }
        }

        // The repair makes it right without touching a whole frame, and finds nothing the second time.
        let report = repair::mend(repair::look(&directory, |_, _| {}).unwrap()).unwrap();
        let after = files(&directory);
        prop_assert_eq!(partial(&after), 0);
        let whole: Vec<_> = before.keys().filter(|name| !name.ends_with(PARTIAL)).collect();
        prop_assert_eq!(after.keys().collect::<Vec<_>>(), whole);
        let counted: u64 = report.cameras.iter().map(|camera| camera.whole).sum();
        prop_assert_eq!(counted, after.len() as u64);
        let again = repair::look(&directory, |_, _| {}).unwrap().report;
        prop_assert_eq!(again.problems, []);
        prop_assert_eq!(again.cameras.iter().map(|it| it.whole).sum::<u64>(), counted);
        prop_assert!(again.end.is_some());
    }
}
