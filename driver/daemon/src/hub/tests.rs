//! Recordings and views through the event loop's insides, with shell scripts for camera processes and drivers that always obey.
//!
//! The hub's time stands still but where a test moves it on.

mod viewing;

use super::unit::Parts;
use super::worker::Worker;
use super::*;
use crate::command::{Command, RecordRequest};
use crate::config;
use crate::recordings::index::{self, Line};
use crate::report::{Recording, RecordingEnd, RecordingState};
use crate::wire::Compression;
use CameraName::{Main, Mount};
use bayonet_core::mount::{Machine, Observed};
use bayonet_kernel::chain::{Chain, Device, I2cAddress};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A camera process: `$1` says what it does when it is told to record.
const SCRIPT: &str = r#"#!/bin/sh
echo '{"news":"ready","libcamera":"0.7","id":"x","capabilities":{"model":"imx283","pixel_array":null,"controls":{},"properties":{}}}'
stream='"stream":{"width":8,"height":4,"format":"RG12"}'
frame() { printf '"frame":{"sequence":%d,"timestamp_ns":%d,"metadata":{}}' "$1" "$1"; }
while read -r line; do
  case $line in
  *'"order":"start"'*)
    echo "{\"news\":\"started\",$stream}"
    ;;
  *'"order":"record"'*)
    id=${line#*\"id\":} id=${id%%,*}
    first=${line#*\"first\":} first=${first%%,*}
    RECORD
    ;;
  *'"order":"view"'*)
    shown=$((shown + 1))
    printf '{"news":"view","bytes":4,%s}\njpeg' "$(frame $shown)"
    ;;
  *'"order":"end-record"'*)
    echo "{\"news\":\"record-ended\",\"id\":$id}"
    ;;
  *'"order":"stop"'*) exit 0 ;;
  esac
done
"#;
/// Three frames, the second of which finds no encoder.
const THREE: &str = r#"
    echo "{\"news\":\"recording\",\"id\":$id,$stream}"
    for number in $first $((first + 1)) $((first + 2)); do
      if [ $number -eq $((first + 1)) ]; then
        echo "{\"news\":\"record-dropped\",\"id\":$id,\"number\":$number,$(frame $number)}"
      else
        printf '{"news":"recorded","id":%d,"number":%d,"bytes":6,%s}\nframe%d' $id $number "$(frame $number)" $((number % 10))
      fi
    done"#;
/// Nothing but a refusal.
const REFUSE: &str =
    r#"echo "{\"news\":\"record-failed\",\"id\":$id,\"reason\":\"it has no raw stream\"}""#;

struct Board {
    hub: Hub,
    now: Duration,
    root: TempDir,
    events: broadcast::Receiver<Event>,
    output: mpsc::Receiver<Output>,
    finished: mpsc::UnboundedReceiver<Finished>,
    noted: mpsc::UnboundedReceiver<Note>,
}

fn chain(name: CameraName) -> Chain {
    let device = |bus| Device {
        bus,
        name: "1-001a".into(),
        driver: "imx283".into(),
        node: "/sensor".into(),
    };
    Chain {
        sensor: device("i2c"),
        receiver: device("platform"),
        bridge: None,
        image_processor: None,
        i2c: I2cAddress {
            adapter: 1,
            address: 0x1a,
        },
        model: "imx283".into(),
        libcamera_id: format!("/{name}"),
    }
}

impl Board {
    /// With both cameras there, and processes that do this when they are told to record.
    async fn start(record: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("camera");
        std::fs::write(&program, SCRIPT.replace("RECORD", record)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        let (outputs, output) = mpsc::channel(64);
        let (finishing, finished) = mpsc::unbounded_channel();
        let (notes, noted) = mpsc::unbounded_channel();
        let (memory_file, memory) = MemoryFile::open(root.path().join("memory.json"));
        let (events, reader) = broadcast::channel(EVENTS_KEPT);
        let inlet = Inlet::default();
        let now = Duration::from_secs(100);
        let unit = |name| {
            let observed = Observed {
                present: true,
                sensor_bound: true,
                receiver_bound: true,
                ..Observed::default()
            };
            let parts = Parts {
                name,
                chain: chain(name),
                machine: Machine::new(mount::Config::default(), now, observed),
                worker: Worker::content(name, finishing.clone()),
                settings: config::Process {
                    program: program.clone(),
                    ..config::Process::default()
                },
                default_size: None,
                outputs: outputs.clone(),
                inlet: inlet.clone(),
            };
            Unit::new(parts, now)
        };
        let hub = Hub {
            units: vec![unit(Main), unit(Mount)],
            no_mount: None,
            library: Arc::default(),
            main_lens: None,
            store: Store::open(&root.path().join("captures"), 0).unwrap(),
            shutter: Vec::new(),
            quality: 90,
            memory,
            memory_file,
            lens_file: LensFile::beside(&root.path().join("api.sock")),
            shots: Shots::default(),
            recordings: recordings::Store::new(&root.path().join("recordings"), 0, 16 << 20),
            inlet,
            recording: None,
            last_recording: 0,
            waiting: Vec::new(),
            clients: 0,
            notes,
            events,
            published: None,
            ending: false,
        };
        let mut board = Self {
            hub,
            now,
            root,
            events: reader,
            output,
            finished,
            noted,
        };
        board.pass(Duration::from_secs(1)).await;
        board
            .until(|hub| {
                let there =
                    |unit: &Unit| unit.report().state == crate::report::CameraState::Available;
                hub.units.iter().all(there)
            })
            .await;
        board
    }

    /// Handles what happens until something holds.
    async fn until(&mut self, holds: impl Fn(&Hub) -> bool) {
        let handle = async {
            loop {
                self.hub.time(self.now);
                self.hub.settle(self.now);
                if holds(&self.hub) {
                    return;
                }
                tokio::select! {
                    Some(output) = self.output.recv() => self.hub.output(self.now, output),
                    Some(finished) = self.finished.recv() => self.hub.finished(self.now, finished),
                    Some(note) = self.noted.recv() => self.hub.note(self.now, note),
                    // The machines have short deadlines of their own.
                    () = tokio::time::sleep(Duration::from_millis(5)) => self.now += Duration::from_millis(5),
                }
            }
        };
        let handled = tokio::time::timeout(LIMIT, handle).await;
        handled.expect("it holds in the end");
    }

    /// Lets time pass.
    async fn pass(&mut self, time: Duration) {
        self.now += time;
        self.until(|_| true).await;
    }

    fn ask(&mut self, request: RecordRequest) -> oneshot::Receiver<Result<Recording, Refusal>> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Record(request, answer);
        self.hub.command(self.now, command);
        answered
    }

    /// A recording that has begun.
    async fn record(&mut self, request: RecordRequest) -> Recording {
        let answered = self.ask(request);
        self.until(|hub| {
            hub.recording
                .as_ref()
                .is_some_and(|it| it.report().is_some())
        })
        .await;
        answered.await.unwrap().unwrap()
    }

    /// Waits until so many frames of each camera were taken in.
    async fn frames(&mut self, wanted: [u64; 2]) {
        self.until(|hub| {
            let recording = hub.status().recording;
            recording.is_some_and(|recording| {
                let written = recording.cameras.iter().map(|camera| camera.written);
                written.eq(wanted)
            })
        })
        .await;
    }

    async fn over(&mut self) -> Recording {
        self.until(|hub| hub.recording.is_none()).await;
        let mut last = None;
        while let Ok(event) = self.events.try_recv() {
            if let Event::Recording(recording) = event {
                last = Some(recording);
            }
        }
        let last = last.expect("it is told");
        assert_eq!(last.state, RecordingState::Ended);
        last
    }

    fn unplug(&mut self, plugged: bool) {
        self.hub.wire(self.now, Wire::Presence(plugged));
    }

    fn directory(&self, recording: &Recording) -> PathBuf {
        self.root.path().join("recordings").join(&recording.name)
    }
}

fn both() -> RecordRequest {
    RecordRequest {
        cameras: vec![Mount, Main],
        size: None,
        frames: None,
        duration: None,
        compression: Compression::default(),
        place: None,
    }
}

fn lines(directory: &Path) -> Vec<Line> {
    let file = std::fs::File::open(directory.join(index::FILE)).unwrap();
    index::read(BufReader::new(file)).unwrap().lines
}

#[tokio::test]
async fn both_cameras_are_recorded_until_it_is_stopped() {
    let mut board = Board::start(THREE).await;
    let begun = board.record(both()).await;
    assert_eq!(begun.state, RecordingState::Recording);
    let again = board.ask(both()).await.unwrap();
    assert!(matches!(again, Err(Refusal::Conflict(text)) if text.contains(&begun.name)));
    board.frames([2, 2]).await;
    let (answer, mut stopped) = oneshot::channel();
    let stop = |name: &str, answer| Command::StopRecording(name.into(), answer);
    board.hub.command(board.now, stop(&begun.name, answer));
    let last = board.over().await;
    assert_eq!(stopped.try_recv().unwrap().unwrap(), last);
    assert_eq!(last.end, Some(RecordingEnd::Stopped));
    let counts: Vec<_> = last
        .cameras
        .iter()
        .map(|camera| (camera.name, camera.written, camera.dropped))
        .collect();
    assert_eq!(counts, [(Main, 2, 1), (Mount, 2, 1)]);
    let directory = board.directory(&last);
    assert_eq!(
        std::fs::read(directory.join("mount/000003.dng")).unwrap(),
        b"frame3"
    );
    let streams = |line: &&Line| matches!(line, Line::Stream { .. });
    assert_eq!(lines(&directory).iter().filter(streams).count(), 2);
    // Nobody wants the cameras any more.
    board.until(|hub| hub.units.iter().all(Unit::idle)).await;
    let (answer, stopped) = oneshot::channel();
    board.hub.command(board.now, stop(&begun.name, answer));
    assert!(matches!(stopped.await.unwrap(), Err(Refusal::Conflict(_))));
}

#[tokio::test]
async fn each_camera_gives_as_many_frames_as_were_asked_for() {
    let mut board = Board::start(THREE).await;
    let request = RecordRequest {
        frames: Some(1),
        ..both()
    };
    board.record(request).await;
    let last = board.over().await;
    assert_eq!(last.end, Some(RecordingEnd::Complete));
    let written: Vec<_> = last.cameras.iter().map(|camera| camera.written).collect();
    assert_eq!(written, [1, 1]);
}

#[tokio::test]
async fn it_ends_when_its_time_is_over() {
    let mut board = Board::start(THREE).await;
    let duration = Duration::from_secs(1000);
    let request = RecordRequest {
        duration: Some(duration),
        ..both()
    };
    board.record(request).await;
    board.frames([2, 2]).await;
    assert!(
        board
            .hub
            .next_deadline()
            .is_some_and(|deadline| deadline <= board.now + duration)
    );
    board.now += duration;
    let last = board.over().await;
    assert_eq!(last.end, Some(RecordingEnd::Complete));
}

#[tokio::test]
async fn a_mount_that_is_pulled_is_missed_and_its_numbers_go_on() {
    let mut board = Board::start(THREE).await;
    let begun = board.record(both()).await;
    board.frames([2, 2]).await;
    board.unplug(false);
    board
        .until(|hub| {
            hub.find(Mount).is_some_and(|unit| {
                unit.report().state == crate::report::CameraState::Absent && unit.idle()
            })
        })
        .await;
    assert_eq!(
        board.hub.status().recording.unwrap().state,
        RecordingState::Recording
    );
    board.unplug(true);
    board.frames([2, 4]).await;
    let (answer, _stopped) = oneshot::channel();
    let stop = Command::StopRecording(begun.name.clone(), answer);
    board.hub.command(board.now, stop);
    let last = board.over().await;
    let lines = lines(&board.directory(&last));
    let mount: Vec<String> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Frame(entry) if entry.camera == Mount => Some(entry.number.to_string()),
            Line::Stream { camera: Mount, .. } => Some("stream".into()),
            Line::Gone {
                camera: Mount,
                reason,
            } => Some(reason.clone()),
            _ => None,
        })
        .collect();
    let away = "its sensor went away";
    assert_eq!(mount, ["stream", "1", "3", away, "stream", "4", "6"]);
}

#[tokio::test]
async fn without_its_only_camera_it_ends_after_a_while() {
    let mut board = Board::start(THREE).await;
    let request = RecordRequest {
        cameras: vec![Mount],
        ..both()
    };
    board.record(request.clone()).await;
    board
        .until(|hub| {
            hub.status()
                .recording
                .is_some_and(|it| it.cameras[0].written == 2)
        })
        .await;
    board.unplug(false);
    board
        .until(|hub| {
            hub.find(Mount).is_some_and(|unit| {
                unit.report().state == crate::report::CameraState::Absent && unit.idle()
            })
        })
        .await;
    board.pass(Duration::from_secs(11)).await;
    let last = board.over().await;
    assert_eq!(last.end, Some(RecordingEnd::CamerasGone));
    assert!(last.reason.unwrap().contains("10 s"));
    let refused = board.ask(request).await.unwrap();
    assert!(
        matches!(refused, Err(Refusal::Unavailable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_camera_that_cannot_be_recorded_ends_it_with_its_reason() {
    let mut board = Board::start(REFUSE).await;
    board.record(both()).await;
    let last = board.over().await;
    assert_eq!(last.end, Some(RecordingEnd::Camera));
    let reason = last.reason.unwrap();
    assert!(
        reason.ends_with("camera cannot be recorded: it has no raw stream"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_disk_that_fails_ends_it_with_its_reason() {
    let mut board = Board::start(&format!("read -r nothing < {{FIFO}}; {THREE}")).await;
    // The camera's frames come when the directory is gone.
    let fifo = board.root.path().join("fifo");
    let program = board.root.path().join("camera");
    let script = std::fs::read_to_string(&program).unwrap();
    std::fs::write(&program, script.replace("{FIFO}", fifo.to_str().unwrap())).unwrap();
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let begun = board
        .record(RecordRequest {
            cameras: vec![Main],
            ..both()
        })
        .await;
    std::fs::remove_dir_all(board.directory(&begun)).unwrap();
    let open = tokio::task::spawn_blocking(move || std::fs::write(fifo, "go\n"));
    let last = board.over().await;
    open.await.unwrap().unwrap();
    assert_eq!(last.end, Some(RecordingEnd::Storage));
    assert!(last.reason.unwrap().contains("directory is gone"));
}

#[tokio::test]
async fn it_ends_with_bayonetd() {
    let mut board = Board::start(THREE).await;
    board.record(both()).await;
    board.frames([2, 2]).await;
    board.hub.end(board.now);
    assert!(!board.hub.ended(), "what waits is written first");
    let last = board.over().await;
    assert_eq!(last.end, Some(RecordingEnd::Shutdown));
    board.until(Hub::ended).await;
    let refused = board.ask(both()).await.unwrap();
    assert!(
        matches!(refused, Err(Refusal::Unavailable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nobody_is_left_with_a_recording_that_he_does_not_know_of() {
    let mut board = Board::start(THREE).await;
    drop(board.ask(both()));
    let last = board.over().await;
    assert_eq!(last.end, Some(RecordingEnd::Stopped));
    assert!(last.reason.unwrap().contains("was gone"));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_told_at_once() {
    let mut board = Board::start(THREE).await;
    std::fs::write(board.root.path().join("recordings"), "a file").unwrap();
    let answered = board.ask(both());
    board.until(|hub| hub.recording.is_none()).await;
    let refused = answered.await.unwrap();
    assert!(matches!(refused, Err(Refusal::Storage(_))), "{refused:?}");
    board.until(|hub| hub.units.iter().all(Unit::idle)).await;
}
