//! A camera that takes raw pictures of made-up scenes: colours, vignetting, distortion, mosaic, noise, twelve bits.

use bayonet_imaging::demosaic::Pattern;
use bayonet_imaging::dng::negative::{Camera as Maker, Colour, Negative, Raw, Shot};
use bayonet_imaging::lens_opcodes::{Geometry, PROFILE_RADIUS_MM, distortion, vignetting};
use bayonet_imaging::sensors::Sensor;

/// All of a type 1 sensor, each pixel as large as six by six of an IMX283's.
pub(crate) const SIZE: [usize; 2] = [912, 608];
const PITCH_UM: f64 = 14.4;
const BITS: u8 = 12;
/// Points of each pixel at which the scene is looked at, in both directions.
const POINTS: usize = 2;

/// What a picture is taken with.
pub(crate) struct Camera {
    pub(crate) sensor: Sensor,
    /// Of the light.
    pub(crate) kelvin: f64,
    /// Part of saturation that a white of 1 has in green.
    pub(crate) exposure: f64,
    pub(crate) vignetting: [f64; 3],
    pub(crate) distortion: [f64; 3],
    pub(crate) pattern: Pattern,
    /// How much of the sensor's noise there is.
    pub(crate) noise: f64,
}

impl Camera {
    pub(crate) fn new(sensor: &str, kelvin: f64) -> Self {
        Self {
            sensor: Sensor::named(sensor).expect("a sensor that is known"),
            kelvin,
            exposure: 0.6,
            vignetting: [0.0; 3],
            distortion: [0.0; 3],
            pattern: Pattern::Rggb,
            noise: 1.0,
        }
    }

    /// A picture of a scene in linear sRGB, by distances from the optical axis in pixels of a picture without distortion.
    pub(crate) fn take(&self, scene: impl Fn([f64; 2]) -> [f64; 3]) -> (Negative, Vec<u16>) {
        let [width, height] = SIZE;
        let matrix = self.sensor.matrix(self.kelvin);
        let neutral = self.sensor.neutral(self.kelvin);
        let black = self.sensor.black(BITS);
        let white = f64::from((1u16 << BITS) - 1);
        let noise = self.sensor.noise(1.0, BITS);
        let [red_row, red_column] = self.pattern.red();
        let mut random = Random(7);
        let mut samples = Vec::with_capacity(width * height);
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let mut rgb = [0.0; 3];
            for point in 0..POINTS * POINTS {
                let inside = |index: usize| (index as f64 + 0.5) / POINTS as f64 - 0.5;
                let at = [
                    x as f64 + inside(point % POINTS) - (width as f64 - 1.0) / 2.0,
                    y as f64 + inside(point / POINTS) - (height as f64 - 1.0) / 2.0,
                ];
                let (from, light) = self.lens(at);
                for (sum, value) in rgb.iter_mut().zip(scene(from)) {
                    *sum += value * light / (POINTS * POINTS) as f64;
                }
            }
            let colour = usize::from(y % 2 != red_row) + usize::from(x % 2 != red_column);
            let balanced = solved(&matrix, rgb);
            let light = (self.exposure * neutral[colour] * balanced[colour]).max(0.0);
            let deviation = self.noise * (noise.scale * light + noise.offset).sqrt();
            let level = black + (white - black) * (light + deviation * random.normal());
            samples.push(level.round().clamp(0.0, white) as u16);
        }
        (self.negative(), samples)
    }

    /// Where the light at a place of the sensor comes from, both in pixels from the axis, and how much of it arrives.
    fn lens(&self, [x, y]: [f64; 2]) -> ([f64; 2], f64) {
        let unit = PITCH_UM / 1000.0 / PROFILE_RADIUS_MM;
        let there = x.hypot(y) * unit;
        let even = |[a, b, c]: [f64; 3], r: f64| {
            let u = r * r;
            1.0 + u * (a + u * (b + u * c))
        };
        // r with r (1 + k1 r^2 + ...) = there, by repeated division.
        let mut r = there;
        for _ in 0..15 {
            r = there / even(self.distortion, r);
        }
        let scale = if there > 0.0 { r / there } else { 1.0 };
        ([x * scale, y * scale], even(self.vignetting, there))
    }

    pub(crate) fn geometry() -> Geometry {
        Geometry {
            size: SIZE,
            pitch_um: PITCH_UM,
            axis: [0.5, 0.5],
        }
    }

    fn negative(&self) -> Negative {
        let [width, height] = SIZE;
        let geometry = Self::geometry();
        let neutral = self.sensor.neutral(self.kelvin);
        let largest = neutral.into_iter().fold(0.0, f64::max);
        Negative {
            raw: Raw {
                width,
                height,
                pattern: self.pattern,
                bits: BITS,
                black: [self.sensor.black(BITS); 4],
                white: (1 << BITS) - 1,
                active: [0, 0, height, width],
            },
            colour: Colour {
                calibrations: self.sensor.calibrations().to_vec(),
                as_shot_neutral: neutral.map(|value| value / largest),
                noise: Some([self.sensor.noise(1.0, BITS); 3]),
            },
            camera: Maker {
                make: "Bayonet".into(),
                model: self.sensor.name.clone(),
                unique_model: self.sensor.name.clone(),
                software: String::new(),
            },
            lens: None,
            shot: Shot {
                taken_ns: 0,
                exposure_us: None,
                iso: None,
                place: None,
            },
            sequence: None,
            opcodes: [
                Vec::new(),
                vec![vignetting(self.vignetting, &geometry)],
                vec![distortion(self.distortion, &geometry)],
            ],
        }
    }
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// What a matrix makes this of, by Cramer's rule.
fn solved(m: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    let determinant = |columns: [[f64; 3]; 3]| {
        let [a, b, c] = columns;
        a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1])
            + c[0] * (a[1] * b[2] - a[2] * b[1])
    };
    let column = |index: usize| m.map(|row| row[index]);
    let all = [column(0), column(1), column(2)];
    let whole = determinant(all);
    std::array::from_fn(|index| {
        let mut changed = all;
        changed[index] = v;
        determinant(changed) / whole
    })
}
