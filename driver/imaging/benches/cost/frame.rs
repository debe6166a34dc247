//! A raw frame: one of the board's photographs, mirrored side by side, as a sensor would see it.

use bayonet_imaging::demosaic::Pattern;
use bayonet_imaging::dng::negative::{Camera, Colour, Negative, Raw, Shot};
use bayonet_imaging::sensors::Sensor;
use std::path::Path;

/// Of a sample.
pub(crate) const BITS: u8 = 12;
pub(crate) const WHITE: u16 = 4095;
/// What a sample is in the dark: as imx283's, in 12 bits.
const BLACK: f32 = 200.0;
/// Electrons that fill a sample, and noise of reading it: of the order of a 1-inch sensor's at its base gain.
const ELECTRONS: f32 = 20_000.0;
const READ_NOISE: f32 = 4.0;

/// Samples row by row, red first.
pub(crate) struct Frame {
    pub(crate) samples: Vec<u16>,
}

impl Frame {
    /// Width and height of an imx283's largest mode.
    pub(crate) const SIZE: [usize; 2] = [5472, 3648];
    pub(crate) const MEGAPIXELS: f64 = (Self::SIZE[0] * Self::SIZE[1]) as f64 / 1e6;

    pub(crate) fn new() -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/board/scenes/raccoon.jpg");
        let picture = image::open(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .into_rgb8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mirrored = |index: usize, count: usize| {
            let index = index % (2 * count);
            index.min(2 * count - 1 - index) as u32
        };
        // From sRGB's curve to light, near enough.
        let light: Vec<f32> = (0..256)
            .map(|value| (value as f32 / 255.0).powf(2.2))
            .collect();
        let mut random = Random(1);
        let samples = (0..Self::SIZE[0] * Self::SIZE[1])
            .map(|index| {
                let (x, y) = (index % Self::SIZE[0], index / Self::SIZE[0]);
                let pixel = picture.get_pixel(mirrored(x, width), mirrored(y, height));
                let electrons = light[usize::from(pixel[x % 2 + y % 2])] * ELECTRONS;
                let noise = (electrons + READ_NOISE * READ_NOISE).sqrt() * random.normal();
                let value = (electrons + noise) / ELECTRONS * (f32::from(WHITE) - BLACK) + BLACK;
                value.round().clamp(0.0, f32::from(WHITE)) as u16
            })
            .collect();
        Self { samples }
    }

    /// What a DNG says of it.
    pub(crate) fn negative(&self) -> Negative {
        let [width, height] = Self::SIZE;
        let sensor = Sensor::named("imx283").expect("a sensor that is known");
        Negative {
            raw: Raw {
                width,
                height,
                pattern: Pattern::Rggb,
                bits: BITS,
                black: [f64::from(BLACK); 4],
                white: WHITE,
                active: [0, 0, height, width],
            },
            colour: Colour {
                calibrations: sensor.calibrations().to_vec(),
                as_shot_neutral: sensor.neutral(5000.0),
                noise: Some([sensor.noise(1.0, BITS); 3]),
            },
            camera: Camera {
                make: "Bayonet".to_owned(),
                model: "imx283".to_owned(),
                unique_model: "Bayonet imx283".to_owned(),
                software: "benchmark".to_owned(),
            },
            lens: None,
            shot: Shot {
                taken_ns: 0,
                exposure_us: Some(10_000),
                iso: Some(100),
                place: None,
            },
            sequence: None,
            opcodes: Default::default(),
        }
    }

    /// As CSI-2 has 12 bits: the upper eight of two samples, then the lower ones of both.
    pub(crate) fn packed(&self) -> Vec<u8> {
        let (pairs, _) = self.samples.as_chunks::<2>();
        let group = |[a, b]: &[u16; 2]| {
            [
                (a >> 4) as u8,
                (b >> 4) as u8,
                (a & 15 | (b & 15) << 4) as u8,
            ]
        };
        pairs.iter().flat_map(group).collect()
    }
}

/// G. Marsaglia, "Xorshift RNGs": the same frame every time.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Near enough to a normal deviate: the sum of twelve even ones.
    fn normal(&mut self) -> f32 {
        (0..12)
            .map(|_| (self.next() >> 8) as f32 / (1 << 24) as f32)
            .sum::<f32>()
            - 6.0
    }
}
