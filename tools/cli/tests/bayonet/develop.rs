//! Raw pictures become pictures, where they should and no others, and one that cannot does not keep the others from it.

use crate::{finish, program};
use bayonet_imaging::demosaic::{Mosaic, Pattern};
use bayonet_imaging::dng::negative::{Camera, Colour, Negative, Raw, Shot};
use bayonet_imaging::dng::write::{Compression, Moment, Template};
use bayonet_imaging::sensors::uncalibrated;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const WIDTH: usize = 64;
const HEIGHT: usize = 48;
/// What the camera makes of white.
const NEUTRAL: [f64; 3] = [0.5, 1.0, 0.8];

/// A DNG file of an even grey, 18 % of white, left, and of a redder colour on the right.
fn dng() -> Vec<u8> {
    let negative = Negative {
        raw: Raw {
            width: WIDTH,
            height: HEIGHT,
            pattern: Pattern::Grbg,
            bits: 12,
            black: [200.0; 4],
            white: 4095,
            active: [0, 0, HEIGHT, WIDTH],
        },
        colour: Colour {
            calibrations: vec![uncalibrated()],
            as_shot_neutral: NEUTRAL,
            noise: None,
        },
        camera: Camera {
            make: "Bayonet".into(),
            model: "imx283".into(),
            unique_model: "Bayonet imx283".into(),
            software: "Bayonet".into(),
        },
        lens: None,
        shot: Shot {
            taken_ns: 1_795_379_693_020_000_000,
            exposure_us: Some(10_000),
            iso: Some(200),
            place: None,
        },
        sequence: None,
        opcodes: Default::default(),
    };
    let sample = |index: usize| {
        let (x, y) = (index % WIDTH, index / WIDTH);
        let colour = usize::from(y % 2 == 1) + usize::from(x % 2 == 0);
        let red = if x >= WIDTH / 2 && colour == 0 {
            2.0
        } else {
            1.0
        };
        (200.0 + 3895.0 * 0.18 * red * NEUTRAL[colour]).round() as u16
    };
    let samples: Vec<u16> = (0..WIDTH * HEIGHT).map(sample).collect();
    let mosaic = Mosaic {
        samples: &samples,
        stride: WIDTH,
        width: WIDTH,
        height: HEIGHT,
        pattern: Pattern::Grbg,
        white: 4095,
    };
    let mut file = Vec::new();
    Template::new(&negative, Compression::LosslessJpeg, None)
        .and_then(|mut template| template.write(&mosaic, &Moment::of(&negative), &mut file))
        .expect("a good negative");
    file
}

/// A directory with files of these names.
fn directory(files: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        fs::write(directory.path().join(file), dng()).unwrap();
    }
    directory
}

/// Exit status, and what is written to standard output and to standard error.
async fn run(directory: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let arguments = [&["develop"], arguments].concat();
    let mut command = program(Path::new("/nowhere"), &arguments);
    command.current_dir(directory.path());
    let output = finish(command).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code().expect("it ends by itself"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn pixel(directory: &TempDir, file: &str, x: u32) -> [u8; 3] {
    let picture = image::open(directory.path().join(file)).unwrap();
    picture.into_rgb8().get_pixel(x, 20).0
}

fn near(found: [u8; 3], expected: [u8; 3]) {
    let far = found.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 2);
    assert!(!far, "{found:?} is not {expected:?}");
}

/// sRGB of 18 %.
const GREY: u8 = 118;

#[tokio::test]
async fn pictures_go_beside_their_files() {
    let directory = directory(&["a.dng", "b.c.DNG"]);
    let (code, said, errors) = run(&directory, &["a.dng", "b.c.DNG"]).await;
    assert_eq!((code, errors.as_str()), (0, ""));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("a.jpg  64 x 48  "), "{said}");
    assert!(lines[1].starts_with("b.c.jpg  64 x 48  "), "{said}");
    for file in ["a.jpg", "b.c.jpg"] {
        near(pixel(&directory, file, 10), [GREY; 3]);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
}

#[tokio::test]
async fn the_ending_or_the_format_says_how_it_is_encoded() {
    let directory = directory(&["a.dng"]);
    for (arguments, file, begin) in [
        (
            &["-o", "x.png", "--bits", "16"][..],
            "x.png",
            &b"\x89PNG"[..],
        ),
        (&["-o", "x.TIF"], "x.TIF", b"II*\0"),
        (&["-o", "x.jpeg", "-q", "80"], "x.jpeg", b"\xff\xd8\xff"),
        (&["-f", "png"], "a.png", b"\x89PNG"),
        (&["-f", "tiff"], "a.tiff", b"II*\0"),
        (&["-o", "odd.name", "-f", "png"], "odd.name", b"\x89PNG"),
    ] {
        let (code, _, errors) = run(&directory, &[&["a.dng"], arguments].concat()).await;
        assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
        let written = fs::read(directory.path().join(file)).unwrap();
        assert!(written.starts_with(begin), "{file}");
    }
    let picture = image::open(directory.path().join("x.png")).unwrap();
    assert_eq!(picture.color(), image::ColorType::Rgb16);
}

#[tokio::test]
async fn white_exposure_look_and_size_are_as_they_were_asked_for() {
    let directory = directory(&["a.dng"]);
    let mut shown = Vec::new();
    for arguments in [
        &[][..],
        &["-e", "1"],
        &["--exposure=-1"],
        &["-w", "50,20"],
        &["-w", "tungsten"],
        &["-l", "vivid"],
        &["-d", "live", "--threads", "3"],
        &["-d", "half"],
    ] {
        let arguments = [&["a.dng", "-o", "x.png", "--force"], arguments].concat();
        let (code, _, errors) = run(&directory, &arguments).await;
        assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
        shown.push([10, 25].map(|x| pixel(&directory, "x.png", x)));
    }
    let [plain, brighter, darker, picked, warm, vivid, live, half] = &shown[..] else {
        panic!("eight pictures");
    };
    near(plain[0], [GREY; 3]);
    near(live[0], plain[0]);
    // sRGB of 36 % and 9 %.
    near(brighter[0], [162; 3]);
    near(darker[0], [85; 3]);
    assert!(
        picked[0][0] < picked[0][1],
        "what was red is grey: {picked:?}"
    );
    assert!(warm[0][2] > warm[0][0], "what is warm is blue: {warm:?}");
    near(vivid[0], [GREY; 3]);
    near(half[0], [GREY; 3]);
    let half = image::open(directory.path().join("x.png")).unwrap();
    assert_eq!((half.width(), half.height()), (32, 24));
}

#[tokio::test]
async fn one_that_fails_does_not_keep_others() {
    let directory = directory(&["a.dng", "c.dng", "d.dng"]);
    fs::write(directory.path().join("b.dng"), "no picture").unwrap();
    fs::write(directory.path().join("c.jpg"), "mine").unwrap();
    let files = ["a.dng", "b.dng", "gone.dng", "c.dng", "d.dng"];
    let (code, said, errors) = run(&directory, &files).await;
    assert_eq!(code, 1);
    let names: Vec<_> = said
        .lines()
        .map(|line| line.split("  ").next().unwrap())
        .collect();
    assert_eq!(names, ["a.jpg", "d.jpg"]);
    let errors: Vec<&str> = errors.lines().collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].starts_with("bayonet: b.dng: "), "{errors:?}");
    assert!(errors[1].starts_with("bayonet: gone.dng: "), "{errors:?}");
    assert_eq!(
        errors[2],
        "bayonet: c.dng: c.jpg is there already; --force replaces it"
    );
    assert_eq!(fs::read(directory.path().join("c.jpg")).unwrap(), b"mine");
    let (code, ..) = run(&directory, &["c.dng", "--force"]).await;
    assert_eq!(code, 0);
    near(pixel(&directory, "c.jpg", 10), [GREY; 3]);
    let parts = fs::read_dir(directory.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(parts.count(), 0);
}

#[tokio::test]
async fn programs_read_what_became_of_each_file() {
    let directory = directory(&["a.dng"]);
    fs::create_dir(directory.path().join("out")).unwrap();
    let arguments = ["--json", "a.dng", "gone.dng", "-o", "out", "-f", "png"];
    let (code, said, errors) = run(&directory, &arguments).await;
    assert_eq!(code, 1);
    let mut said: Value = serde_json::from_str(&said).unwrap();
    let picture = said[0]["picture"].take();
    assert_eq!(picture["file"], "out/a.png");
    assert_eq!(
        (&picture["width"], &picture["height"]),
        (&json!(64), &json!(48))
    );
    assert!(picture["bytes"].as_u64().unwrap() > 100 && picture["temperature"].is_u64());
    assert_eq!(said[0]["file"], "a.dng");
    assert_eq!(said[1]["file"], "gone.dng");
    let error = said[1]["error"].as_str().unwrap();
    assert!(error.starts_with("gone.dng: "), "{error}");
    let errors: Value = serde_json::from_str(&errors).unwrap();
    assert_eq!(errors["error"]["message"], error);
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused_before_anything_is_done() {
    let directory = directory(&["a.dng", "b.dng", "same.png"]);
    fs::create_dir(directory.path().join("sub")).unwrap();
    fs::copy(
        directory.path().join("a.dng"),
        directory.path().join("sub/a.dng"),
    )
    .unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (
            &["a.dng", "b.dng", "-o", "x.jpg"],
            1,
            "x.jpg is no directory, and 2 pictures need one",
        ),
        (
            &["a.dng", "-o", "x.bmp"],
            1,
            "has to end in .jpg, .png or .tiff",
        ),
        (
            &["a.dng", "-o", "x.png", "-q", "90"],
            1,
            "--quality is for JPEG",
        ),
        (&["a.dng", "--bits", "16"], 1, "a JPEG has 8 bits"),
        (
            &["a.dng", "-f", "tiff", "--bits", "8"],
            1,
            "a TIFF has 16 bits",
        ),
        (
            &["a.dng", "-o", "none/x.jpg"],
            1,
            "there is no directory none",
        ),
        (
            &["same.png", "-f", "png", "--force"],
            1,
            "would take its own place",
        ),
        (
            &["a.dng", "-w", "sunny"],
            2,
            "it has to be as-shot, daylight",
        ),
        (&["a.dng", "-w", "64,0"], 1, "64,0 is not within 64 x 48"),
    ];
    for (arguments, expected, said) in cases {
        let (code, _, errors) = run(&directory, arguments).await;
        assert_eq!(
            (code, errors.contains(said)),
            (expected, true),
            "{arguments:?}: {errors}"
        );
    }
    let both = ["a.dng", "sub/a.dng", "-o", "sub", "-f", "png"];
    let (code, said, errors) = run(&directory, &both).await;
    assert_eq!((code, said.lines().count()), (1, 1), "{errors}");
    assert!(
        errors.contains("would take the place of another one's, sub/a.png"),
        "{errors}"
    );
}
