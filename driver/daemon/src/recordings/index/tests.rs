//! Lines are read as they are written, and whatever else is there is passed over and told.

use super::*;
use proptest::prelude::*;
use std::io::Cursor;

fn entry(camera: CameraName, number: u32) -> Entry {
    Entry {
        camera,
        number,
        sequence: Some(17),
        timestamp_ns: Some(u64::MAX),
        file: FrameName { camera, number },
        bytes: 6_000_000,
        crc32: Crc32(0x0123_abcd),
    }
}

fn lines() -> Vec<Line> {
    vec![
        Line::Head(Head {
            format: FORMAT,
            recording: "20261122T203453.120Z".into(),
            bayonetd: "0.1.0".into(),
            cameras: vec![HeadCamera {
                camera: CameraName::Main,
                model: "imx283".into(),
            }],
            lens: None,
        }),
        Line::Stream {
            camera: CameraName::Main,
            stream: Stream {
                width: 2736,
                height: 1824,
                format: "RG12".into(),
            },
        },
        Line::Frame(entry(CameraName::Main, 1)),
        Line::Gap(Gap {
            camera: CameraName::Main,
            after: 1,
            frames: 3,
            cause: Cause::Queue,
        }),
        Line::Gone {
            camera: CameraName::Main,
            reason: "its sensor went away".into(),
        },
        Line::End(End {
            reason: RecordingEnd::DiskFull,
            message: Some("the disk is full".into()),
            duration_ms: 40,
            cameras: vec![RecordedCamera {
                name: CameraName::Main,
                written: 1,
                dropped: 3,
                missing: 0,
                bytes: 6_000_000,
            }],
        }),
    ]
}

fn text(lines: &[Line]) -> Vec<u8> {
    let mut text = Vec::new();
    lines.iter().for_each(|line| append(&mut text, line));
    text
}

/// Other programs read it too.
#[test]
fn lines_look_like_this() {
    let text = String::from_utf8(text(&lines())).unwrap();
    let expected = r#"{"line":"head","format":1,"recording":"20261122T203453.120Z","bayonetd":"0.1.0","cameras":[{"camera":"main","model":"imx283"}],"lens":null}
{"line":"stream","camera":"main","width":2736,"height":1824,"format":"RG12"}
{"line":"frame","camera":"main","number":1,"sequence":17,"timestamp_ns":18446744073709551615,"file":"main/000001.dng","bytes":6000000,"crc32":"0123abcd"}
{"line":"gap","camera":"main","after":1,"frames":3,"cause":"queue"}
{"line":"gone","camera":"main","reason":"its sensor went away"}
{"line":"end","reason":"disk-full","message":"the disk is full","duration_ms":40,"cameras":[{"name":"main","written":1,"dropped":3,"missing":0,"bytes":6000000}]}
"#;
    assert_eq!(text, expected);
    let contents = read(Cursor::new(expected)).unwrap();
    assert_eq!(contents.lines, lines());
    assert_eq!(contents.damaged, []);
    assert_eq!(contents.head().unwrap().cameras[0].model, "imx283");
    assert_eq!(contents.end().unwrap().duration_ms, 40);
    assert_eq!(contents.frames().count(), 1);
}

#[test]
fn names_of_frames_are_taken_as_they_are_written() {
    for number in [1, 999_999, 1_000_000, u32::MAX] {
        let name = entry(CameraName::Mount, number).file;
        assert_eq!(name.to_string().parse(), Ok(name));
    }
    for wrong in [
        "",
        "main",
        "main/",
        "main/.dng",
        "main/00001.dng",
        "main/0000001.dng",
        "main/000000.dng",
        "main/+00001.dng",
        "main/000001.dng.part",
        "main/000001.DNG",
        "left/000001.dng",
        "../main/000001.dng",
        "main/../000001.dng",
        "main//000001.dng",
        "main/4294967296.dng",
    ] {
        assert_eq!(wrong.parse::<FrameName>(), Err(NoFrame), "{wrong}");
    }
}

#[test]
fn the_checksum_is_the_one_of_zip() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(Crc32::of(b"123456789"), Crc32(0xcbf4_3926));
}

#[test]
fn lines_that_cannot_be_right_are_not_taken() {
    let good = serde_json::to_string(&Line::Frame(entry(CameraName::Main, 1))).unwrap();
    assert!(parse_line(good.as_bytes()).is_ok());
    for (from, to) in [
        ("\"number\":1", "\"number\":2"),
        ("main/000001.dng", "mount/000001.dng"),
        ("main/000001.dng", "../etc/passwd"),
        ("0123abcd", "123abcd"),
        ("0123abcd", "+123abcd"),
        ("\"bytes\":6000000", "\"bytes\":-1"),
        ("frame", "fraame"),
        ("}", ""),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good);
        assert!(parse_line(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let later =
        r#"{"line":"head","format":2,"recording":"x","bayonetd":"9","cameras":[],"lens":null}"#;
    assert_eq!(parse_line(later.as_bytes()), Err(Malformed::Later(2)));
}

#[test]
fn damage_is_told_with_its_line_and_costs_nothing_else() {
    let good = text(&lines());
    let long = vec![b' '; LINE_LIMIT + 10];
    let mut input = [&b"\0\0\0\n"[..], &good, &long, b"\n", &good].concat();
    // A line that is JSON already, but was not written to its end.
    input.truncate(input.len() - 1);
    let contents = read(Cursor::new(input)).unwrap();
    assert_eq!(contents.lines.len(), 2 * lines().len() - 1);
    let damaged: Vec<_> = contents.damaged.iter().map(|(line, _)| *line).collect();
    assert_eq!(damaged, [1, 8, 14]);
    assert_eq!(contents.damaged[1].1, Malformed::Long);
    assert_eq!(contents.damaged[2].1, Malformed::Torn);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Wherever the index is cut, everything before the cut is read, and nothing else.
    #[test]
    fn a_torn_index_keeps_its_whole_lines(at in any::<prop::sample::Index>()) {
        let whole = text(&lines());
        let cut = at.index(whole.len() + 1);
        let contents = read(Cursor::new(&whole[..cut])).unwrap();
        let ends = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
        prop_assert_eq!(&contents.lines, &lines()[..ends]);
        let torn = cut > 0 && whole[cut - 1] != b'\n';
        prop_assert_eq!(contents.damaged.len(), usize::from(torn));
    }

    /// Whatever bytes there are, they are survived, and what is taken can be written again.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_usize) {
        let mut input = text(&lines());
        for (place, byte) in input.iter_mut().skip(at).zip(&bytes) {
            *place = *byte;
        }
        let contents = read(Cursor::new(input)).unwrap();
        let again = read(Cursor::new(text(&contents.lines))).unwrap();
        prop_assert_eq!(again.lines, contents.lines);
        prop_assert!(again.damaged.is_empty());
    }
}
