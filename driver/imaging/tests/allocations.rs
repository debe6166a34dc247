//! Frames of a sequence allocate nothing once buffers have grown.

use allocation_counter::measure;
use bayonet_imaging::demosaic::{Mosaic, Pattern};
use bayonet_imaging::dng::negative::*;
use bayonet_imaging::dng::write::{Compression, Moment, Template, TileEncoder};

const WIDTH: usize = 700;
const HEIGHT: usize = 600;

fn negative() -> Negative {
    Negative {
        raw: Raw {
            width: WIDTH,
            height: HEIGHT,
            pattern: Pattern::Rggb,
            bits: 12,
            black: [200.0; 4],
            white: 4095,
            active: [0, 0, HEIGHT, WIDTH],
        },
        colour: Colour {
            calibrations: vec![Calibration {
                illuminant: 21,
                colour_matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                forward_matrix: None,
                individual: [1.0; 3],
            }],
            as_shot_neutral: [0.5, 1.0, 0.5],
            noise: Some(
                [Noise {
                    scale: 1e-4,
                    offset: 1e-7,
                }; 3],
            ),
        },
        camera: Camera {
            make: "Bayonet".into(),
            model: "IMX283".into(),
            unique_model: "Bayonet IMX283".into(),
            software: "bayonet".into(),
        },
        lens: None,
        shot: Shot {
            taken_ns: 0,
            exposure_us: Some(8000),
            iso: Some(400),
            place: Some(Place {
                latitude: 48.5,
                longitude: -11.25,
                altitude_m: Some(519.25),
            }),
        },
        sequence: Some(Sequence {
            frame_rate: 24.0,
            frame: 0,
        }),
        opcodes: [const { Vec::new() }; 3],
    }
}

/// Frame `number`'s samples: noise that is another in every frame.
fn samples(number: u32) -> Vec<u16> {
    let mut state = number;
    let samples = (0..WIDTH * HEIGHT).map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (index % WIDTH) as u16 + (state >> 25) as u16
    });
    samples.collect()
}

fn mosaic(samples: &[u16]) -> Mosaic<'_> {
    Mosaic {
        samples,
        stride: WIDTH,
        width: WIDTH,
        height: HEIGHT,
        pattern: Pattern::Rggb,
        white: 4095,
    }
}

/// A frame with values of its own.
fn moment(negative: &Negative, number: u32) -> Moment {
    let mut moment = Moment::of(negative);
    moment.shot.taken_ns = i64::from(number) * 41_666_667;
    moment.shot.exposure_us = Some(8000 + number);
    moment.shot.iso = Some(100 * number);
    moment.as_shot_neutral[0] = 0.5 + f64::from(number) / 1000.0;
    moment.frame = number.into();
    moment
}

#[test]
fn frames_of_a_sequence_allocate_nothing() {
    let negative = negative();
    let frames: Vec<_> = (1..8).map(samples).collect();
    for compression in [
        Compression::None,
        Compression::LosslessJpeg,
        Compression::JpegXl,
    ] {
        let mut template = Template::new(&negative, compression, None).unwrap();
        // The file may be as large as it likes: a caller's buffer is the largest it ever needed.
        let mut out = Vec::with_capacity(4 * WIDTH * HEIGHT);
        let mut write = |number: usize| {
            let moment = moment(&negative, number as u32);
            template
                .write(&mosaic(&frames[number]), &moment, &mut out)
                .unwrap();
        };
        write(0);
        let allocations = measure(|| (1..frames.len()).for_each(&mut write));
        // Codes of lossless JPEG are made for each tile with some lists of their symbols.
        let allowed = match compression {
            Compression::LosslessJpeg => 64 * template.tiles() * (frames.len() - 1),
            _ => 0,
        };
        let count = allocations.count_total as usize;
        assert!(count <= allowed, "{compression:?}: {allocations:?}");
    }
}

#[test]
fn tiles_that_are_encoded_apart_allocate_nothing() {
    let negative = negative();
    let frame = samples(1);
    let mut template = Template::new(&negative, Compression::JpegXl, None).unwrap();
    let count = template.tiles();
    let (mut head, mut tiles) = (Vec::new(), Vec::with_capacity(4 * WIDTH * HEIGHT));
    let (mut encoder, mut lengths) = (TileEncoder::default(), vec![0; count]);
    let mut write = || {
        tiles.clear();
        for (index, length) in lengths.iter_mut().enumerate() {
            *length = template
                .tile(&mosaic(&frame), index, &mut encoder, &mut tiles)
                .unwrap();
        }
        template
            .head(&Moment::of(&negative), &lengths, &mut head)
            .unwrap();
    };
    write();
    assert_eq!(measure(write).count_total, 0);
}
