//! The way from scene to sensor values, as a camera sees it.

use super::*;
use crate::bayer::Colour;
use crate::sensor::drive::{imx219, imx283, imx296, write};
use crate::sensor::{Readout, Sensor, SensorModel};
use std::sync::Arc;

/// A camera before a scene.
struct Camera {
    model: Arc<SensorModel>,
    readout: Readout,
    world: World,
    projection: Projection,
}

impl Camera {
    /// A sensor without noise worth the name, its light falling off nowhere and undistorted.
    fn new(mut sensor: Sensor, scene: Arc<Scene>) -> Self {
        let mut model = SensorModel::clone(sensor.model());
        model.noise = crate::sensor::Noise {
            full_well_e: 1e12,
            read_noise_e: 0.0,
            dark_current_e_per_s: 0.0,
        };
        let lens = Lens {
            corner_light: 1.0,
            distortion: 0.0,
            ..Lens::fixed(&model)
        };
        Self {
            readout: sensor.next_frame().unwrap(),
            model: model.into(),
            world: World {
                scene,
                light: Light::new(5000.0, 400.0).unwrap(),
                lens: Some(lens),
            },
            projection: Projection::new(),
        }
    }

    fn noisy(mut self) -> Self {
        self.model = SensorModel::named(&self.model.name).unwrap();
        self
    }

    fn lens(&mut self) -> &mut Lens {
        self.world.lens.as_mut().unwrap()
    }

    fn frame(&mut self, number: u64, seed: u64) -> Vec<u16> {
        self.projection
            .update(&self.world, &self.model, &self.readout);
        let mut values = vec![0; self.readout.width * self.readout.height];
        self.projection
            .rows(&self.model, &self.readout, number, seed, 0, &mut values);
        values
    }

    /// Mean of red, green, blue above black in a part of the picture given in 0..=1.
    fn mean(&self, values: &[u16], [left, top, right, bottom]: [f32; 4]) -> [f64; 3] {
        let (width, height) = (self.readout.width, self.readout.height);
        let cell = |part: f32, size: usize| (part * size as f32) as usize;
        let (mut sum, mut count) = ([0.0; 3], [0.0; 3]);
        for y in cell(top, height)..cell(bottom, height) {
            for x in cell(left, width)..cell(right, width) {
                let colour = self.readout.order.colour(x, y) as usize;
                sum[colour] += f64::from(values[y * width + x]);
                count[colour] += 1.0;
            }
        }
        [0, 1, 2].map(|c| sum[c] / count[c] - f64::from(self.readout.black_level))
    }
}

const MIDDLE: [f32; 4] = [0.45, 0.45, 0.55, 0.55];

fn grey(value: f32) -> Arc<Scene> {
    Scene::from_linear("grey", 4, 4, vec![(value * 65535.0) as u16; 48])
}

/// Inner part of a chart patch in a picture of 3:2 that shows the whole chart.
fn inner([left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
    let (dx, dy) = ((right - left) * 0.2, (bottom - top) * 0.2);
    [left + dx, top + dy, right - dx, bottom - dy]
}

#[test]
fn grey_patches_show_the_light() {
    let mut camera = Camera::new(imx283(3), Scene::load("chart").unwrap());
    for kelvin in [2300.0, 3000.0, 4100.0, 5000.0, 6500.0, 7500.0] {
        camera.world.light = Light::new(kelvin, 2000.0).unwrap();
        let values = camera.frame(0, 0);
        let [red, blue] = grey_response(&camera.model, kelvin.into());
        for patch in &chart::patches()[18..22] {
            let [r, g, b] = camera.mean(&values, inner(patch.place));
            assert!(
                (r / g / red - 1.0).abs() < 0.005,
                "{kelvin}: {} {red}",
                r / g
            );
            assert!(
                (b / g / blue - 1.0).abs() < 0.005,
                "{kelvin}: {} {blue}",
                b / g
            );
        }
    }
}

#[test]
fn patches_come_back_through_the_stock_matrix() {
    let mut camera = Camera::new(imx283(3), Scene::load("chart").unwrap());
    camera.readout.exposure_s *= 4.0;
    // A temperature that has a matrix of its own.
    let matrix = camera.model.colour.matrices[7];
    camera.world.light = Light::new(matrix.kelvin as f32, 400.0).unwrap();
    let [red, blue] = grey_response(&camera.model, matrix.kelvin);
    let values = camera.frame(0, 0);
    let white = camera.mean(&values, inner(chart::patches()[18].place))[1];
    for patch in chart::patches() {
        let [r, g, b] = camera.mean(&values, inner(patch.place));
        let balanced = [r / red, g, b / blue].map(|v| v / white * 0.8913);
        for (row, expected) in matrix.rows.iter().zip(patch.linear) {
            let value: f64 = row.iter().zip(balanced).map(|(m, v)| m * v).sum();
            // The cyan patch is outside what the sensor's red filter can tell apart from none.
            let tolerance = if patch.linear[0] < 0.01 { 0.03 } else { 0.006 };
            assert!(
                (value - f64::from(expected)).abs() < tolerance,
                "{patch:?}: {value} {expected}"
            );
        }
    }
}

#[test]
fn the_level_is_the_one_of_the_lux_reference() {
    let sensors: [fn() -> Sensor; 3] = [|| imx283(2), || imx219(640, 480, true), || imx296(true)];
    for sensor in sensors {
        let mut camera = Camera::new(sensor(), grey(0.18));
        for lux in [200.0, 800.0] {
            camera.world.light = Light::new(5000.0, lux).unwrap();
            let values = camera.frame(0, 0);
            let reference = &camera.model.sensitivity;
            let level =
                camera.mean(&values, MIDDLE)[1] * f64::from(1u32 << (16 - camera.readout.bits));
            let exposure = camera.readout.exposure_s * 1e6 * camera.readout.analogue_gain;
            let estimate = level / reference.level * reference.lux * reference.exposure_us
                / exposure
                * reference.gain;
            let error = estimate / f64::from(lux) - 1.0;
            assert!(
                error.abs() < 0.02,
                "{} {lux}: {estimate}",
                camera.model.name
            );
        }
    }
}

#[test]
fn levels_follow_exposure_and_gain_and_saturate() {
    let mut camera = Camera::new(imx219(640, 480, true), grey(0.3));
    let mut level = |exposure_s: f64, analogue: f64, digital: f64| {
        camera.readout.exposure_s = exposure_s;
        (camera.readout.analogue_gain, camera.readout.digital_gain) = (analogue, digital);
        let values = camera.frame(0, 0);
        camera.mean(&values, MIDDLE)[1]
    };
    let one = level(0.02, 1.0, 1.0);
    assert!(one > 100.0);
    for (exposure_s, analogue, digital) in [(0.04, 1.0, 1.0), (0.02, 2.0, 1.0), (0.01, 2.0, 2.0)] {
        assert!((level(exposure_s, analogue, digital) / one / 2.0 - 1.0).abs() < 0.01);
    }
    assert_eq!(level(1.0, 8.0, 1.0), 1023.0 - 64.0);
    assert_eq!(level(0.0, 1.0, 1.0), 0.0);
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    let mut camera = Camera::new(imx219(640, 480, true), grey(0.3)).noisy();
    let first = camera.frame(5, 1);
    assert_eq!(first, camera.frame(5, 1));
    assert_ne!(first, camera.frame(6, 1));
    assert_ne!(first, camera.frame(5, 2));
    // Rows in pieces are the rows of the whole.
    let mut rows = vec![0; 640 * 7];
    camera
        .projection
        .rows(&camera.model, &camera.readout, 5, 1, 100, &mut rows);
    assert_eq!(rows, first[64_000..64_000 + rows.len()]);
}

#[test]
fn noise_is_that_of_photons() {
    for (sensor, averaged) in [
        (imx219(640, 480, false), 1.0),
        (imx219(640, 480, true), 4.0),
    ] {
        let mut camera = Camera::new(sensor, grey(0.4)).noisy();
        camera.lens().corner_light = 1.0;
        camera.readout.analogue_gain = 2.0;
        let values = camera.frame(0, 3);
        let green =
            |index: &usize| camera.readout.order.colour(index % 640, index / 640) == Colour::Green;
        let samples: Vec<f64> = (0..values.len())
            .filter(green)
            .map(|i| values[i].into())
            .collect();
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        let variance =
            samples.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / samples.len() as f64;
        let per_electron = 1024.0 / camera.model.noise.full_well_e * 2.0;
        let electrons = (mean - 64.0) / per_electron;
        let read = camera.model.noise.read_noise_e.powi(2);
        let expected = per_electron.powi(2) * (electrons + read) / averaged + 1.0 / 12.0;
        assert!(
            (variance / expected - 1.0).abs() < 0.03,
            "{variance} {expected}"
        );
    }
}

#[test]
fn flips_mirror_the_picture() {
    let frame = |orientation: u8| {
        let mut sensor = imx219(640, 480, true);
        write(&mut sensor, 0x0172, &[orientation]);
        Camera::new(sensor, Scene::load("coffee").unwrap()).frame(0, 0)
    };
    let plain = frame(0);
    for (orientation, hflip, vflip) in [(1, true, false), (2, false, true), (3, true, true)] {
        let flipped = frame(orientation);
        let at = |x: usize, y: usize| {
            let x = if hflip { 639 - x } else { x };
            let y = if vflip { 479 - y } else { y };
            y * 640 + x
        };
        let same = |&(x, y): &(usize, usize)| flipped[y * 640 + x].abs_diff(plain[at(x, y)]) <= 1;
        let pixels = (0..480).flat_map(|y| (0..640).map(move |x| (x, y)));
        assert!(pixels.filter(same).count() == 640 * 480, "{orientation}");
    }
}

#[test]
fn binning_averages_what_a_full_readout_sees() {
    let scene = Scene::load("raccoon").unwrap();
    let mut full = Camera::new(imx296(false), scene.clone());
    let mut binned = Camera::new(imx296(true), scene);
    let (full_values, values) = (full.frame(0, 0), binned.frame(0, 0));
    let mut error = 0.0;
    for y in 0..544 {
        for x in 0..728 {
            let (left, top) = (x / 2 * 4 + x % 2, y / 2 * 4 + y % 2);
            let sites = [(0, 0), (2, 0), (0, 2), (2, 2)]
                .map(|(dx, dy)| f64::from(full_values[(top + dy) * 1456 + left + dx]));
            let mean = sites.iter().sum::<f64>() / 4.0;
            error += (f64::from(values[y * 728 + x]) - mean).abs();
        }
    }
    let (error, level) = (
        error / (728.0 * 544.0),
        full.mean(&full_values, [0.0, 0.0, 1.0, 1.0])[1],
    );
    assert!(
        error < 0.03 * level,
        "mean error {error} at a mean level of {level}"
    );
}

#[test]
fn light_falls_off_as_stated() {
    let mut camera = Camera::new(imx296(false), grey(0.5));
    camera.lens().corner_light = 0.5;
    let values = camera.frame(0, 0);
    let middle = camera.mean(&values, MIDDLE)[1];
    let corner = camera.mean(&values, [0.0, 0.0, 0.01, 0.01])[1];
    assert!(
        (corner / middle / 0.5 - 1.0).abs() < 0.03,
        "{}",
        corner / middle
    );
    // Half way out: 1 / (1 + t^2 / 4)^2 with t^2 = sqrt(2) - 1.
    let half = camera.mean(&values, [0.245, 0.245, 0.255, 0.255])[1];
    assert!(
        (half / middle / 0.8211 - 1.0).abs() < 0.02,
        "{}",
        half / middle
    );
}

#[test]
fn defocus_lowers_contrast() {
    let mut camera = Camera::new(imx296(false), Scene::load("chart").unwrap());
    let lens = Lens {
        corner_light: 1.0,
        ..Lens::mounted(33, 3)
    };
    let mut contrast = |lens: Option<Lens>| {
        camera.world.lens = lens;
        let values = camera.frame(0, 0);
        let step = |pair: &[u16]| (f64::from(pair[0]) - f64::from(pair[2])).powi(2);
        values
            .chunks(1456)
            .flat_map(|row| row.windows(3))
            .map(step)
            .sum::<f64>()
    };
    let sharp = contrast(Some(lens));
    let mut last = sharp;
    for focus in [2.7, 2.4, 2.0, 1.5, 1.0, 0.7] {
        let now = contrast(Some(lens.focused(focus)));
        assert!(now < last, "{focus} m: {now} after {last}");
        last = now;
    }
    assert!(contrast(Some(lens.focused(1000.0))) < sharp / 4.0);
    assert_eq!(contrast(None), 0.0, "a bare sensor sees no picture");
}

#[test]
fn a_longer_lens_magnifies() {
    // A dark bar down the middle third of the scene.
    let dark = |x: usize| {
        if (40..80).contains(&x) {
            [0u16; 3]
        } else {
            [50_000; 3]
        }
    };
    let pixels = (0..80).flat_map(|_| (0..120).flat_map(dark)).collect();
    let mut camera = Camera::new(imx283(3), Scene::from_linear("bar", 120, 80, pixels));
    let mut width_of_bar = |lens: Lens| {
        camera.world.lens = Some(Lens {
            corner_light: 1.0,
            distortion: 0.0,
            ..lens
        });
        let values = camera.frame(0, 0);
        let row = &values[600 * 1824..601 * 1824];
        let half = (row[100] + camera.readout.black_level) / 2;
        row.iter().step_by(2).filter(|&&value| value < half).count() as f32 * 2.0 / 1824.0
    };
    for (code, frame, focal) in [(30, 2, 35.0), (33, 3, 50.0), (37, 1, 90.0)] {
        let expected: f32 = (focal / 35.0 / 3.0f32).min(1.0);
        let width = width_of_bar(Lens::mounted(code, frame));
        assert!(
            (width - expected).abs() < 0.01,
            "{focal} mm: {width} {expected}"
        );
    }
}

#[test]
fn only_changes_are_computed() {
    let mut camera = Camera::new(imx219(640, 480, true), grey(0.3));
    let mut update = |change: fn(&mut Camera)| {
        change(&mut camera);
        camera
            .projection
            .update(&camera.world, &camera.model, &camera.readout)
    };
    assert!(update(|_| ()));
    assert!(!update(|_| ()));
    assert!(!update(|camera| camera.readout.exposure_s *= 2.0));
    assert!(!update(
        |camera| camera.world.light = Light::new(5000.0, 10.0).unwrap()
    ));
    assert!(update(
        |camera| camera.world.light = Light::new(4000.0, 10.0).unwrap()
    ));
    assert!(update(|camera| camera.lens().focus_m = 1.0));
    assert!(update(|camera| camera.world.scene = grey(0.3)));
    assert!(update(|camera| camera.readout.height = 240));
    // Rows of another geometry, and below the picture, are black.
    let mut rows = vec![1; 640 * 4];
    camera
        .projection
        .rows(&camera.model, &camera.readout, 0, 0, 238, &mut rows);
    assert!(rows[..1280].iter().all(|&v| v > 0) && rows[1280..].iter().all(|&v| v == 0));
    camera.readout.width = 320;
    camera
        .projection
        .rows(&camera.model, &camera.readout, 0, 0, 0, &mut rows);
    assert!(rows.iter().all(|&value| value == 0));
}

#[test]
fn test_patterns_replace_the_scene() {
    let mut sensor = imx219(640, 480, true);
    write(&mut sensor, 0x0600, &[0, 2]);
    let mut camera = Camera::new(sensor, grey(0.3));
    let values = camera.frame(0, 0);
    assert!(values[..80].iter().all(|&value| value == 1023), "white");
    assert_eq!(
        values[80..84],
        [1023, 1023, 1023, 1023],
        "yellow: red and green"
    );
    assert_eq!(
        values[640 + 80..640 + 84],
        [1023, 0, 1023, 0],
        "yellow: no blue"
    );
    assert!(values[560..640].iter().all(|&value| value == 0), "black");
}
