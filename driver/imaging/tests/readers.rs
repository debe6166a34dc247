//! What programs by others make of our DNG files: exiftool, dcraw and LibRaw, where they are installed. They must not
//! complain, find the tags that were meant, and decode every sample.

use bayonet_imaging::demosaic::{Mosaic, Pattern};
use bayonet_imaging::dng::Preview;
use bayonet_imaging::dng::negative::*;
use bayonet_imaging::dng::opcodes::{GainMap, Opcode};
use bayonet_imaging::dng::write::{Compression, Moment, Template};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const WIDTH: usize = 712;
const HEIGHT: usize = 550;
/// Top, left, bottom and right.
const ACTIVE: [usize; 4] = [2, 4, 548, 712];

/// A file, and what it is made of.
struct Kind {
    name: String,
    path: PathBuf,
    negative: Negative,
    samples: Vec<u16>,
    compression: Compression,
    has_preview: bool,
}

fn negative(bits: u8, sequence: bool) -> Negative {
    let scale = 1u16 << (bits - 12);
    let calibration = |illuminant, colour_matrix, forward_matrix| Calibration {
        illuminant,
        colour_matrix,
        forward_matrix: Some(forward_matrix),
        individual: [1.25, 1.0, 0.8],
    };
    let [top, left, bottom, right] = ACTIVE.map(|edge| edge as u32);
    let noise = [(1e-4, 1e-7), (2e-4, 2e-7), (3e-4, 3e-7)];
    Negative {
        raw: Raw {
            width: WIDTH,
            height: HEIGHT,
            pattern: Pattern::Grbg,
            bits,
            black: [200, 202, 198, 200].map(|black| f64::from(black * scale)),
            white: 4000 * scale,
            active: ACTIVE,
        },
        colour: Colour {
            // Rows of forward matrices add up to D50.
            calibrations: vec![
                calibration(
                    17,
                    [
                        [1.125, -0.5, -0.125],
                        [-0.375, 1.25, 0.125],
                        [-0.125, 0.25, 0.5],
                    ],
                    [
                        [0.625, 0.25, 0.0892],
                        [0.25, 0.875, -0.125],
                        [0.0, -0.25, 1.0751],
                    ],
                ),
                calibration(
                    21,
                    [
                        [0.75, -0.25, -0.125],
                        [-0.375, 1.25, 0.25],
                        [-0.125, 0.25, 0.625],
                    ],
                    [
                        [0.75, 0.125, 0.0892],
                        [0.25, 0.875, -0.125],
                        [0.0, -0.125, 0.9501],
                    ],
                ),
            ],
            as_shot_neutral: [0.5, 1.0, 0.625],
            noise: Some(noise.map(|(scale, offset)| Noise { scale, offset })),
        },
        camera: Camera {
            make: "Bayonet".into(),
            model: "IMX283".into(),
            unique_model: "Bayonet IMX283".into(),
            software: "bayonet".into(),
        },
        lens: Some(Lens {
            make: "Leica".into(),
            model: "Summicron-M 50".into(),
            focal_length_mm: Some(50.0),
            maximum_aperture: Some(2.0),
            aperture: Some(5.6),
        }),
        shot: Shot {
            // 2026-09-21 13:33:20.25 UTC
            taken_ns: 1_789_997_600_250_000_000,
            exposure_us: Some(8000),
            iso: Some(400),
            place: Some(Place {
                latitude: 48.5,
                longitude: -11.25,
                altitude_m: Some(519.25),
            }),
        },
        sequence: sequence.then_some(Sequence {
            frame_rate: 24.0,
            frame: ((13 * 60 + 33) * 60 + 20) * 24 + 6,
        }),
        opcodes: [
            vec![Opcode::FixBadPixelsList {
                phase: 1,
                pixels: vec![[30, 50], [80, 10]],
            }],
            vec![Opcode::GainMap(GainMap {
                area: [0, 0, bottom - top, right - left],
                planes: [0, 1],
                pitch: [2, 2],
                points: [2, 2],
                spacing: [1.0, 1.0],
                origin: [0.0, 0.0],
                gains: vec![1.5, 1.25, 1.25, 1.5],
            })],
            vec![
                Opcode::WarpRectilinear {
                    planes: vec![[1.0, 0.02, -0.01, 0.001, 0.0, 0.0]],
                    centre: [0.5, 0.5],
                },
                Opcode::FixVignetteRadial {
                    factors: [0.25, 0.125, 0.0, 0.0, 0.0],
                    centre: [0.5, 0.5],
                },
            ],
        ],
    }
}

/// Light that grows to the right, in colours, with noise, saturated spots and the largest sample that there is.
fn samples(bits: u8) -> Vec<u16> {
    let most = u32::from(u16::MAX >> (16 - bits));
    let mut state = 1u32;
    let samples = (0..WIDTH * HEIGHT).map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = (index % WIDTH, index / WIDTH);
        let colour = 1 + (x % 2 + y % 2) as u32;
        let step = (most + 1) / 4096;
        let light = most / 20 + (x * 3 + y) as u32 * step / colour;
        let sample = match state >> 20 {
            0 => most,
            1 => 0,
            _ => light + (state >> 26) * step,
        };
        sample.min(most) as u16
    });
    samples.collect()
}

/// A small grey JPEG of one colour: 64 blocks whose every difference is 0.
fn preview() -> Preview {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    jpeg.extend([16; 64]);
    jpeg.extend([0xff, 0xc0, 0, 11, 8, 0, 64, 0, 64, 1, 1, 0x11, 0]);
    // One code in each table: no difference; nothing more in a block.
    for table in [0x00, 0x10] {
        jpeg.extend([0xff, 0xc4, 0, 20, table, 1]);
        jpeg.extend([0; 16]);
    }
    jpeg.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    // Two bits a block.
    jpeg.extend([0; 16]);
    jpeg.extend([0xff, 0xd9]);
    Preview {
        jpeg,
        width: 64,
        height: 64,
    }
}

fn kinds(directory: &Path) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for compression in [
        Compression::None,
        Compression::LosslessJpeg,
        Compression::JpegXl,
    ] {
        for bits in [12, 14, 16] {
            for has_preview in [false, true] {
                // A frame of a sequence has no preview.
                let negative = negative(bits, !has_preview);
                let samples = samples(bits);
                let mosaic = Mosaic {
                    samples: &samples,
                    stride: WIDTH,
                    width: WIDTH,
                    height: HEIGHT,
                    pattern: negative.raw.pattern,
                    white: negative.raw.white,
                };
                let preview = has_preview.then(preview);
                let mut template = Template::new(&negative, compression, preview).unwrap();
                let mut file = Vec::new();
                template
                    .write(&mosaic, &Moment::of(&negative), &mut file)
                    .unwrap();
                let name = format!("{compression:?}-{bits}-{has_preview}");
                let path = directory.join(format!("{name}.dng"));
                fs::write(&path, file).unwrap();
                kinds.push(Kind {
                    name,
                    path,
                    negative,
                    samples,
                    compression,
                    has_preview,
                });
            }
        }
    }
    kinds
}

/// Runs a program; none where it is not installed.
fn run(program: &str, arguments: &[&str], file: &Path) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).arg(file).stdin(Stdio::null());
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Past the test harness, which keeps what passing tests print.
            let _ = writeln!(std::io::stdout(), "SKIPPED: {program} is not installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Width, height and samples of a picture in the Netpbm format that both raw converters write (P5, 16 bits).
fn grey(file: &[u8]) -> (usize, usize, Vec<u16>) {
    let mut rest = file;
    let mut next = || {
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .expect("a header");
        let word = text(&rest[..end]);
        rest = &rest[end + 1..];
        word
    };
    assert_eq!(next(), "P5");
    let (width, height) = (next().parse().unwrap(), next().parse().unwrap());
    assert_eq!(next(), "65535");
    let (words, _) = rest.as_chunks();
    let samples = words.iter().map(|word| u16::from_be_bytes(*word));
    (width, height, samples.collect())
}

/// The samples within the active area.
fn active(samples: &[u16]) -> Vec<u16> {
    let [top, left, bottom, right] = ACTIVE;
    let rows = samples.chunks(WIDTH).take(bottom).skip(top);
    rows.flat_map(|row| &row[left..right]).copied().collect()
}

#[test]
fn exiftool_finds_what_was_meant_and_nothing_wrong() {
    let directory = tempfile::tempdir().unwrap();
    for kind in kinds(directory.path()) {
        let Some(output) = run(
            "exiftool",
            &["-validate", "-warning", "-error", "-a", "-s3"],
            &kind.path,
        ) else {
            return;
        };
        // Versions before 12.61 are older than DNG 1.7.
        let is_new = |line: &&str| line.ends_with(":Compression") || line.ends_with("tag 0xcd43");
        let output = text(&output.stdout);
        let (verdict, complaints) = output.split_once('\n').unwrap_or_default();
        let known = complaints.lines().filter(is_new).count();
        let is_sound = match kind.compression {
            Compression::JpegXl => known == complaints.lines().count(),
            _ => verdict == "OK" && complaints.is_empty(),
        };
        assert!(is_sound, "{}: {output}", kind.name);
        let output = run("exiftool", &["-n", "-s", "-a"], &kind.path).unwrap();
        let found = text(&output.stdout);
        let raw = &kind.negative.raw;
        let scale = raw.white / 4000;
        let black = [200, 202, 198, 200]
            .map(|black| (black * scale).to_string())
            .join(" ");
        let has = |tag: &str, value: &str| {
            let line = format!("{tag:<32}: {value}");
            assert!(
                found.lines().any(|found| found == line),
                "{}: {line} is not in\n{found}",
                kind.name
            );
        };
        let bits = if kind.compression == Compression::JpegXl {
            16
        } else {
            raw.bits
        };
        for (tag, value) in [
            ("Make", "Bayonet"),
            ("Model", "IMX283"),
            ("UniqueCameraModel", "Bayonet IMX283"),
            ("Software", "bayonet"),
            ("SubfileType", "0"),
            ("BitsPerSample", &bits.to_string()),
            ("PhotometricInterpretation", "32803"),
            ("CFARepeatPatternDim", "2 2"),
            ("CFAPattern2", "1 0 2 1"),
            ("BlackLevelRepeatDim", "2 2"),
            ("BlackLevel", &black),
            ("WhiteLevel", &raw.white.to_string()),
            ("ActiveArea", "2 4 548 712"),
            ("DefaultCropOrigin", "0 0"),
            ("DefaultCropSize", "708 546"),
            ("CalibrationIlluminant1", "17"),
            ("CalibrationIlluminant2", "21"),
            (
                "ColorMatrix1",
                "1.125 -0.5 -0.125 -0.375 1.25 0.125 -0.125 0.25 0.5",
            ),
            (
                "ColorMatrix2",
                "0.75 -0.25 -0.125 -0.375 1.25 0.25 -0.125 0.25 0.625",
            ),
            (
                "ForwardMatrix1",
                "0.625 0.25 0.0892 0.25 0.875 -0.125 0 -0.25 1.0751",
            ),
            (
                "ForwardMatrix2",
                "0.75 0.125 0.0892 0.25 0.875 -0.125 0 -0.125 0.9501",
            ),
            ("CameraCalibration1", "0.8 0 0 0 1 0 0 0 1.25"),
            ("AsShotNeutral", "0.5 1 0.625"),
            ("NoiseProfile", "0.0001 1e-07 0.0002 2e-07 0.0003 3e-07"),
            ("LensMake", "Leica"),
            ("LensModel", "Summicron-M 50"),
            ("FocalLength", "50"),
            ("FNumber", "5.6"),
            ("LensInfo", "50 50 2 2"),
            ("ExposureTime", "0.008"),
            ("ISO", "400"),
            ("DateTimeOriginal", "2026:09:21 13:33:20"),
            ("SubSecTimeOriginal", "250000000"),
            ("OffsetTimeOriginal", "+00:00"),
            ("GPSLatitude", "48.5"),
            ("GPSLongitude", "-11.25"),
            ("GPSAltitude", "519.25"),
        ] {
            has(tag, value);
        }
        if kind.has_preview {
            has("SubfileType", "1");
            let output = run("exiftool", &["-b", "-PreviewImage"], &kind.path).unwrap();
            assert_eq!(output.stdout, preview().jpeg, "{}", kind.name);
        } else {
            has("FrameRate", "24");
            let output = run("exiftool", &["-s3", "-TimeCodes"], &kind.path).unwrap();
            assert_eq!(text(&output.stdout).trim(), "13:33:20.06", "{}", kind.name);
        }
    }
}

#[test]
fn dcraw_decodes_every_sample() {
    let directory = tempfile::tempdir().unwrap();
    for kind in kinds(directory.path()) {
        // It is older than JPEG XL.
        if kind.compression == Compression::JpegXl {
            continue;
        }
        let Some(output) = run("dcraw", &["-D", "-4", "-c"], &kind.path) else {
            return;
        };
        assert_eq!(text(&output.stderr), "", "{}", kind.name);
        let [top, left, bottom, right] = ACTIVE;
        let (width, height, found) = grey(&output.stdout);
        assert_eq!(
            (width, height),
            (right - left, bottom - top),
            "{}",
            kind.name
        );
        assert!(
            found == active(&kind.samples),
            "{}: samples differ",
            kind.name
        );
        let output = run("dcraw", &["-i", "-v"], &kind.path).unwrap();
        let found = text(&output.stdout);
        for line in [
            "Camera: Bayonet IMX283",
            "DNG Version: 1.4.0.0",
            "ISO speed: 400",
            "Shutter: 1/125.0 sec",
            "Aperture: f/5.6",
            "Focal length: 50.0 mm",
            "Filter pattern: GR/BG",
            "Camera multipliers: 2.000000 1.000000 1.600000 0.000000",
        ] {
            assert!(
                found.lines().any(|found| found.trim_end() == line),
                "{}: {line} is not in\n{found}",
                kind.name
            );
        }
    }
}

#[test]
fn libraw_decodes_every_sample() {
    let directory = tempfile::tempdir().unwrap();
    for kind in kinds(directory.path()) {
        // It is built without a decoder for JPEG XL.
        if kind.compression == Compression::JpegXl {
            continue;
        }
        let Some(output) = run("unprocessed_raw", &["-q"], &kind.path) else {
            return;
        };
        assert_eq!(text(&output.stderr), "", "{}", kind.name);
        let written = kind.path.with_extension("dng.pgm");
        let (width, height, found) = grey(&fs::read(written).unwrap());
        assert_eq!((width, height), (WIDTH, HEIGHT), "{}", kind.name);
        assert!(found == kind.samples, "{}: samples differ", kind.name);
    }
}
