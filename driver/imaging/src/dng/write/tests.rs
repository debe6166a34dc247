use super::*;
use crate::dng::negative::{Sequence, Shot};
use crate::dng::opcodes::Opcode;
use crate::dng::read;
use crate::dng::sample::{self, mosaic, noisy};

const ALL: [Compression; 3] = [
    Compression::None,
    Compression::LosslessJpeg,
    Compression::JpegXl,
];

fn written(template: &mut Template, moment: &Moment, samples: &[u16]) -> Vec<u8> {
    let raw = template.negative.raw;
    let mut out = vec![1, 2, 3];
    template
        .write(&mosaic(&raw, samples), moment, &mut out)
        .unwrap();
    out
}

#[test]
fn a_picture_of_several_tiles_comes_back() {
    // Tiles hang over both edges.
    let negative = sample::negative(1047, 1123);
    let samples = noisy(&negative.raw);
    for compression in ALL {
        let mut template = Template::new(&negative, compression, None).unwrap();
        let expected = if compression == Compression::None {
            5
        } else {
            4
        };
        assert_eq!(template.tiles(), expected);
        let file = written(&mut template, &Moment::of(&negative), &samples);
        let (mut found, decoded) = read::read(&file).unwrap();
        assert_eq!(decoded, samples, "{compression:?}");
        if compression == Compression::JpegXl {
            assert_eq!(found.raw.bits, 16);
            found.raw.bits = negative.raw.bits;
        }
        sample::assert_near(&found, &negative);
    }
}

#[test]
fn tiles_that_are_encoded_apart_make_the_same_file() {
    let negative = sample::negative(600, 700);
    let samples = noisy(&negative.raw);
    let mosaic = mosaic(&negative.raw, &samples);
    for compression in ALL {
        let mut template = Template::new(&negative, compression, None).unwrap();
        let moment = Moment::of(&negative);
        let whole = written(&mut template, &moment, &samples);
        let (mut tiles, mut lengths) = (Vec::new(), Vec::new());
        for index in 0..template.tiles() {
            let mut encoder = TileEncoder::default();
            lengths.push(
                template
                    .tile(&mosaic, index, &mut encoder, &mut tiles)
                    .unwrap(),
            );
        }
        let mut file = Vec::new();
        template.head(&moment, &lengths, &mut file).unwrap();
        file.extend(tiles);
        assert!(file == whole, "{compression:?}");
    }
}

#[test]
fn what_changes_is_written_over_and_nothing_else() {
    let mut negative = sample::negative(32, 32);
    negative.sequence = Some(Sequence {
        frame_rate: 24.0,
        frame: 0,
    });
    let samples = noisy(&negative.raw);
    let mut template = Template::new(&negative, Compression::LosslessJpeg, None).unwrap();
    let first = written(&mut template, &Moment::of(&negative), &samples);
    let mut other = negative.clone();
    other.shot = Shot {
        taken_ns: -5,
        exposure_us: Some(16),
        iso: Some(100_000),
        place: negative.shot.place.map(|mut place| {
            (place.latitude, place.longitude) = (-89.999_999_999, 179.5);
            place.altitude_m = Some(-30.125);
            place
        }),
    };
    other.colour.as_shot_neutral = [1.0, 0.75, 0.25];
    other.colour.noise = negative
        .colour
        .noise
        .map(|noise| [noise[2], noise[0], noise[1]]);
    other.sequence = Some(Sequence {
        frame_rate: 24.0,
        frame: 1_000_001,
    });
    let second = written(&mut template, &Moment::of(&other), &samples);
    assert_eq!(first.len(), second.len());
    let (found, _) = read::read(&second).unwrap();
    sample::assert_near(&found, &other);
    // As if it had been prepared for that moment.
    let mut prepared = Template::new(&other, Compression::LosslessJpeg, None).unwrap();
    assert!(written(&mut prepared, &Moment::of(&other), &samples) == second);
    assert!(written(&mut template, &Moment::of(&negative), &samples) == first);
}

#[test]
fn what_is_known_may_change() {
    let negative = sample::negative(32, 32);
    let samples = noisy(&negative.raw);
    let mut template = Template::new(&negative, Compression::None, None).unwrap();
    let mut moment = Moment::of(&negative);
    moment.shot.place = None;
    moment.shot.iso = None;
    moment.noise = None;
    let (found, _) = read::read(&written(&mut template, &moment, &samples)).unwrap();
    assert_eq!((found.shot, found.colour.noise), (moment.shot, None));
    let (found, _) = read::read(&written(&mut template, &Moment::of(&negative), &samples)).unwrap();
    sample::assert_near(&found, &negative);
}

#[test]
fn a_preview_is_in_front_of_the_picture() {
    let negative = sample::negative(40, 40);
    let samples = noisy(&negative.raw);
    let preview = Preview {
        jpeg: crate::dng::preview::tests::headers(320, 240),
        width: 320,
        height: 240,
    };
    let mut template =
        Template::new(&negative, Compression::LosslessJpeg, Some(preview.clone())).unwrap();
    let file = written(&mut template, &Moment::of(&negative), &samples);
    let (found, decoded) = read::read(&file).unwrap();
    assert_eq!(decoded, samples);
    sample::assert_near(&found, &negative);
    assert_eq!(read::preview(&file).unwrap(), Some(preview.clone()));
    let without = written(
        &mut Template::new(&negative, Compression::LosslessJpeg, None).unwrap(),
        &Moment::of(&negative),
        &samples,
    );
    assert_eq!(read::preview(&without).unwrap(), None);
    let wrong = Preview {
        width: 321,
        ..preview
    };
    let error = Template::new(&negative, Compression::None, Some(wrong)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a DNG cannot be written: preview.width: 321 x 240 pixels are said, 320 x 240 are in the JPEG"
    );
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    let refused = |field: &str, change: &dyn Fn(&mut Negative)| {
        let mut negative = sample::negative(64, 64);
        change(&mut negative);
        match Template::new(&negative, Compression::LosslessJpeg, None) {
            Err(Error::Value { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    };
    refused("raw.width", &|of| of.raw.width = 0);
    refused("raw.height", &|of| of.raw.height = 15);
    refused("raw.width", &|of| {
        (of.raw.width, of.raw.height) = (1 << 20, 1 << 20)
    });
    refused("raw.bits", &|of| of.raw.bits = 17);
    refused("raw.white", &|of| of.raw.white = 4096);
    refused("raw.white", &|of| of.raw.white = 0);
    refused("raw.black", &|of| of.raw.black[2] = 4000.0);
    refused("raw.black", &|of| of.raw.black[1] = f64::NAN);
    refused("raw.active", &|of| of.raw.active[3] = 65);
    refused("raw.active", &|of| of.raw.active[0] = 62);
    refused("colour.calibrations", &|of| of.colour.calibrations.clear());
    refused("colour.calibrations.illuminant", &|of| {
        of.colour.calibrations[1].illuminant = 17
    });
    refused("colour.calibrations.illuminant", &|of| {
        of.colour.calibrations[1].illuminant = 0
    });
    refused("colour.calibrations.colour_matrix", &|of| {
        of.colour.calibrations[0].colour_matrix[2] = of.colour.calibrations[0].colour_matrix[1];
    });
    refused("colour.calibrations.forward_matrix", &|of| {
        of.colour.calibrations[0].forward_matrix = None
    });
    refused("colour.calibrations.individual", &|of| {
        of.colour.calibrations[0].individual[0] = 0.0
    });
    refused("as_shot_neutral", &|of| {
        of.colour.as_shot_neutral[1] = f64::INFINITY
    });
    refused("noise", &|of| {
        of.colour.noise.as_mut().unwrap()[0].scale = -1.0
    });
    refused("camera.unique_model", &|of| {
        of.camera.unique_model = "\u{e9} ".into()
    });
    refused("lens.focal_length_mm", &|of| {
        of.lens.as_mut().unwrap().focal_length_mm = Some(0.0)
    });
    refused("shot.place.latitude", &|of| {
        of.shot.place.as_mut().unwrap().latitude = 91.0
    });
    refused("sequence.frame_rate", &|of| {
        of.sequence = Some(Sequence {
            frame_rate: f64::NAN,
            frame: 0,
        });
    });
    refused("opcodes: WarpRectilinear: planes", &|of| {
        let Opcode::WarpRectilinear { planes, .. } = &mut of.opcodes[2][0] else {
            panic!();
        };
        planes.push(planes[0]);
    });
    refused("opcodes: FixBadPixelsList", &|of| {
        of.opcodes[0] = vec![Opcode::FixBadPixelsList {
            phase: 0,
            pixels: vec![[60, 0]],
        }];
    });
    refused("opcodes: GainMap", &|of| {
        let Opcode::GainMap(map) = &mut of.opcodes[1][0] else {
            panic!();
        };
        map.gains.pop();
    });
}

#[test]
fn samples_that_are_not_the_negatives_are_refused() {
    let negative = sample::negative(64, 64);
    let mut samples = noisy(&negative.raw);
    let mut out = Vec::new();
    for compression in ALL {
        let mut template = Template::new(&negative, compression, None).unwrap();
        let moment = Moment::of(&negative);
        samples[64 * 62 + 63] = 4096;
        let error = template
            .write(&mosaic(&negative.raw, &samples), &moment, &mut out)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a DNG cannot be written: the sample in row 62, column 63 is 4096, more than 12 bits can say"
        );
        samples[64 * 62 + 63] = 0;
        let mut turned = mosaic(&negative.raw, &samples);
        turned.pattern = Pattern::Bggr;
        let error = template.write(&turned, &moment, &mut out).unwrap_err();
        assert!(
            error.to_string().contains("the first filters are Bggr"),
            "{error}"
        );
        let mut short = mosaic(&negative.raw, &samples);
        short.samples = &samples[1..];
        assert!(matches!(
            template.write(&short, &moment, &mut out),
            Err(Error::Mosaic { .. })
        ));
        short.stride = usize::MAX;
        assert!(matches!(
            template.write(&short, &moment, &mut out),
            Err(Error::Mosaic { .. })
        ));
    }
}

#[test]
fn sides_of_tiles_are_such_that_little_hangs_over() {
    let grid = |width: usize, height: usize| {
        let mut raw = sample::negative(64, 64).raw;
        (raw.width, raw.height) = (width, height);
        let grid = Grid::of(&raw, Compression::LosslessJpeg);
        (grid.tile, grid.count())
    };
    assert_eq!(grid(5568, 3712), ([512, 544], 77));
    assert_eq!(grid(16, 512), ([16, 512], 1));
    assert_eq!(grid(17, 31), ([16, 16], 4));
    for length in 16..3000 {
        let (tile, _) = grid(length, length);
        assert!(tile[0] <= length && tile[0] < 1024, "{length}: {tile:?}");
    }
}
