//! What people read.

use crate::board::{Board, LIMIT};
use crate::event_loop::{frame, status};
use crate::{bayonet, program};
use bayonet_daemon::report::{
    CameraName, CameraState, Capture, Event, LensState, ModuleState, Picture, Values,
};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn list() {
    let board = Board::start().await;
    let expected = "\
CAMERA  STATE      SENSOR  STREAM          CLIENTS  LIBCAMERA
main    streaming  imx219  1640x1232 NV12  1        /base/i2c@40080000/sensor@10
mount   available  imx283  -               0        /base/i2c@40088000/sensor@1a
";
    assert_eq!(bayonet(&board, &["list"]).await, expected);
}

#[tokio::test]
async fn status_of_a_board_that_works() {
    let board = Board::start().await;
    let expected = "\
bayonetd  0.1.0
module    present    imx283
lens      known      Summilux-M 50 mm f/1.4 ASPH. (code 32/3), 50 mm, f/1.4
main      streaming  imx219, 1640x1232 NV12, 1 client, 1234 frames, 0 dropped
mount     available  imx283
";
    assert_eq!(bayonet(&board, &["status"]).await, expected);
}

#[tokio::test]
async fn status_of_a_board_that_does_not() {
    let board = Board::start().await;
    board.event_loop.change(|status| {
        status.module.state = ModuleState::Stuck;
        status.module.reason = Some("cam (pid 812) holds /dev/media1: end it".into());
        status.module.lens.state = LensState::None;
        status.cameras[1].state = CameraState::Absent;
        status.cameras[1].reason = Some("its drivers wait".into());
        status.cameras[0].restarts = 2;
    });
    let expected = "\
bayonetd  0.1.0
module    stuck      imx283
                     cam (pid 812) holds /dev/media1: end it
main      streaming  imx219, 1640x1232 NV12, 1 client, 1234 frames, 0 dropped, 2 restarts
mount     absent     imx283, its drivers wait
";
    assert_eq!(bayonet(&board, &["status"]).await, expected);
}

#[tokio::test]
async fn watch_writes_one_line_for_each_event() {
    let board = Board::start().await;
    let mut child = program(&board.socket, &["watch"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(LIMIT, lines.next_line())
            .await
            .expect("a line");
        let line = line.unwrap().expect("it goes on");
        let (seconds, rest) = line.split_at_checked(9).expect("a time");
        seconds.trim().parse::<f64>().expect("seconds");
        rest.to_string()
    };
    assert_eq!(
        next().await,
        "  module    present         imx283, Summilux-M 50 mm f/1.4 ASPH. (code 32/3)"
    );
    assert_eq!(
        next().await,
        "  main      streaming       imx219, 1640x1232 NV12, 1 client"
    );
    assert_eq!(next().await, "  mount     available       imx283");
    let mut module = status().module;
    module.state = ModuleState::Absent;
    module.lens.state = LensState::None;
    let picture = |camera, bytes| Picture {
        camera,
        file: "x".into(),
        bytes,
        frame: frame(1),
    };
    let capture = Capture {
        name: "20261122T203453.120Z".into(),
        pictures: vec![
            picture(CameraName::Main, 1_200_000),
            picture(CameraName::Mount, 800),
        ],
    };
    let set = |values| Event::Controls {
        camera: CameraName::Main,
        values,
    };
    for (event, expected) in [
        (
            Event::Module(module),
            "  module    absent          imx283, no lens",
        ),
        (Event::Shutter, "  shutter   pressed"),
        (
            Event::Capture(capture),
            "  capture   taken           20261122T203453.120Z, main 1.2 MB, mount 800 B",
        ),
        (
            Event::CaptureFailed {
                reason: "the disk is full".into(),
            },
            "  capture   failed          the disk is full",
        ),
        (
            set(Values::from([("AnalogueGain".into(), json!(2.0))])),
            "  main      set             AnalogueGain=2.0",
        ),
        (
            set(Values::new()),
            "  main      set             all by default",
        ),
        (
            Event::Lagged { missed: 7 },
            "  watch     missed          7 events: this reader was too slow",
        ),
    ] {
        board.event_loop.tell(event);
        assert_eq!(next().await, expected);
    }
    board.shutdown.send(()).unwrap();
    let ended = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("systemctl status bayonetd"));
}

#[tokio::test]
async fn lenses() {
    let board = Board::start().await;
    let list = bayonet(&board, &["lens", "list"]).await;
    assert!(list.starts_with("PROFILE"), "{list}");
    let row = list
        .lines()
        .find(|line| line.starts_with("test-50-f2 "))
        .expect("the profile");
    let words: Vec<_> = row.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "test-50-f2",
            "Test",
            "50",
            "mm",
            "f/2",
            "50",
            "2",
            "33",
            "34/3"
        ]
    );
    let expected = "\
profile       test-50-f2
make          Test
model         Test 50 mm f/2
focal length  50 mm
aperture      f/2
codes         33 34/3
vignetting    -0.2, 0.05, 0
distortion    0.01, 0, 0
measured      no, generic
source        made up
";
    assert_eq!(
        bayonet(&board, &["lens", "show", "test-50-f2"]).await,
        expected
    );
    assert_eq!(
        bayonet(&board, &["lens", "show"]).await,
        "known  Summilux-M 50 mm f/1.4 ASPH. (code 32/3)\n"
    );
    bayonet(&board, &["lens", "set", "test-50-f2"]).await;
    assert_eq!(
        bayonet(&board, &["lens", "clear"]).await,
        "uncoded  uncoded lens\n"
    );
    assert_eq!(
        board.event_loop.orders(),
        ["lens Some(\"test-50-f2\")", "lens None"]
    );
}

#[tokio::test]
async fn controls() {
    let board = Board::start().await;
    let shown = bayonet(&board, &["controls", "main"]).await;
    let expected = "\
CONTROL       SET  DEFAULT  ALLOWED
ExposureTime  -    20000    11 to 1000000 (int32)
";
    assert_eq!(shown, expected);
    assert_eq!(
        bayonet(&board, &["controls", "main", "ExposureTime=5000"]).await,
        "ExposureTime  5000\n"
    );
    let shown = bayonet(&board, &["controls", "main"]).await;
    assert!(shown.contains("ExposureTime  5000  20000"), "{shown}");
    let back = bayonet(&board, &["controls", "main", "ExposureTime="]).await;
    assert_eq!(back, "ExposureTime  back to its default\n");
}
