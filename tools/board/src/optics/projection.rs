//! From the world to sensor values: the scene through the lens onto the photosites, and frames of it.

use super::blur::blur;
use super::illuminant::{Light, Matrix, sensor_matrix};
use super::lens::Lens;
use super::noise::{Conversion, expose, row_key};
use super::pattern;
use super::plane::{Plane, shrink};
use super::scene::Scene;
use crate::bayer::BayerOrder;
use crate::sensor::{Readout, Rect, SensorModel};
use std::sync::Arc;

/// Mean reflectance of a scene for which a sensor's calibration holds: the usual 18 % grey.
pub const MEAN_REFLECTANCE: f64 = 0.18;

/// Full scale of cached light: a white surface in the green filter.
const WHITE: f64 = 65535.0;

/// What the cameras look at, and through. Cheap to clone.
#[derive(Clone)]
pub struct World {
    /// The scene.
    pub scene: Arc<Scene>,
    /// The light on it.
    pub light: Light,
    /// The lens; without one the sensor sees the scene's mean everywhere.
    pub lens: Option<Lens>,
}

/// What decides which light falls on which photosite, apart from the world.
#[derive(Clone, Copy, PartialEq)]
struct Geometry {
    width: usize,
    height: usize,
    order: BayerOrder,
    crop: Rect,
    binning: [u8; 2],
    flips: [bool; 2],
}

impl Geometry {
    fn of(readout: &Readout) -> Self {
        Self {
            width: readout.width,
            height: readout.height,
            order: readout.order,
            crop: readout.crop,
            binning: readout.binning,
            flips: [readout.hflip, readout.vflip],
        }
    }
}

/// The light on the photosites of one read-out geometry, and frames made from it.
#[derive(Default)]
pub struct Projection {
    shown: Option<(World, Geometry, String)>,
    light: Vec<u16>,
}

impl Projection {
    /// An empty projection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the projection that of `world` as `readout` of `model` sees it. Returns whether anything had to
    /// be computed, which takes up to a second for 20 megapixels; a change of illuminance alone does not, nor
    /// does one of exposure or gain.
    pub fn update(&mut self, world: &World, model: &SensorModel, readout: &Readout) -> bool {
        let geometry = Geometry::of(readout);
        if let Some((shown, of, sensor)) = &mut self.shown {
            let same = Arc::ptr_eq(&shown.scene, &world.scene)
                && shown.light.kelvin() == world.light.kelvin()
                && shown.lens == world.lens
                && *of == geometry
                && *sensor == model.name;
            if same {
                shown.light = world.light;
                return false;
            }
        }
        self.light.clear();
        self.light.shrink_to(geometry.width * geometry.height);
        self.light.resize(geometry.width * geometry.height, 0);
        Painter::new(world, model, geometry).paint(&mut self.light);
        self.shown = Some((world.clone(), geometry, model.name.clone()));
        true
    }

    /// Sensor values of frame `frame`, `readout.bits` wide in the low bits, of the whole rows from `y` that
    /// `rows` has room for. The same seed and frame number give the same values.
    ///
    /// [`update`](Self::update) must have seen the same geometry; otherwise, and below the last row, the
    /// values are zero.
    pub fn rows(
        &self,
        model: &SensorModel,
        readout: &Readout,
        frame: u64,
        seed: u64,
        y: usize,
        rows: &mut [u16],
    ) {
        let width = readout.width;
        let known = self
            .shown
            .as_ref()
            .filter(|shown| shown.1 == Geometry::of(readout));
        let conversion = known.map(|shown| conversion(model, readout, shown.0.light));
        for (y, values) in (y..).zip(rows.chunks_mut(width)) {
            let light = self.light.get(y * width..(y + 1) * width);
            match (readout.test_pattern, conversion, light) {
                (Some(pattern), ..) => pattern::row(pattern, readout, y, values),
                (None, Some(conversion), Some(light)) => {
                    expose(&conversion, row_key(seed, frame, y), light, values);
                }
                _ => values.fill(0),
            }
        }
    }
}

/// From cached light to sensor values.
///
/// The level is that of the tuning file's lux reference, so that its lux estimate (level divided by exposure,
/// gain and the same of the reference) is the truth for a scene of mean grey.
fn conversion(model: &SensorModel, readout: &Readout, light: Light) -> Conversion {
    let reference = &model.sensitivity;
    let exposure = readout.exposure_s * readout.analogue_gain * readout.digital_gain;
    let reference_exposure = reference.exposure_us * 1e-6 * reference.gain;
    let level_of_white =
        reference.level / MEAN_REFLECTANCE * f64::from(light.lux()) / reference.lux * exposure
            / reference_exposure;
    let steps = f64::from(1u32 << readout.bits);
    let gain = readout.analogue_gain * readout.digital_gain;
    let per_electron = steps / model.noise.full_well_e * gain;
    let averaged = f64::from(readout.binning[0]) * f64::from(readout.binning[1]);
    let dark_electrons =
        model.noise.read_noise_e.powi(2) + model.noise.dark_current_e_per_s * readout.exposure_s;
    Conversion {
        scale: (level_of_white / WHITE * steps / 65536.0) as f32,
        photon: (per_electron / averaged) as f32,
        dark: (per_electron.powi(2) * dark_electrons / averaged) as f32,
        black: readout.black_level.into(),
        full: (steps - 1.0) as f32,
    }
}

/// Computes the light on the photosites.
struct Painter {
    geometry: Geometry,
    /// Scene in red, green and blue of the sensor.
    planes: [Plane; 3],
    /// Middle of the active area in native pixels.
    centre: [f32; 2],
    /// Distance of its corner from the middle.
    corner: f32,
    /// Cells of a plane per native pixel.
    cells: f32,
    distortion: f32,
    falloff: f32,
}

impl Painter {
    fn new(world: &World, model: &SensorModel, geometry: Geometry) -> Self {
        let scene = &*world.scene;
        let active = model.array.active;
        let (active_width, active_height) = (active.width as f32, active.height as f32);
        let centre = [
            active.left as f32 + (active_width - 1.0) / 2.0,
            active.top as f32 + (active_height - 1.0) / 2.0,
        ];
        let mut painter = Self {
            geometry,
            planes: planes(&[], (0, 0), &[[0.0; 3]; 3]),
            centre,
            corner: active_width.hypot(active_height) / 2.0,
            cells: 0.0,
            distortion: 0.0,
            falloff: 0.0,
        };
        let matrix = sensor_matrix(model, world.light.kelvin().into());
        let Some(lens) = world.lens else {
            let mean = scene.mean().map(|value| (value * WHITE).round() as u16);
            painter.planes = planes(&mean, (1, 1), &matrix);
            return painter;
        };
        // The scene covers the active area seen at the framing focal length.
        let aspect = scene.width() as f32 / scene.height() as f32;
        let covered = active_width.max(active_height * aspect);
        let scene_width = covered * lens.focal_mm / lens.framing_mm;
        // No more detail than the pixels of this read-out resolve.
        let binning = f32::from(geometry.binning[0].min(geometry.binning[1]));
        let detail = (scene_width / binning / scene.width() as f32).min(1.0);
        let side = |side: usize| ((side as f32 * detail).ceil() as usize).clamp(1, side);
        let size = (side(scene.width()), side(scene.height()));
        painter.planes = if size.0 < scene.width() {
            let read = |y: usize, row: &mut [f32]| {
                let width = scene.width() * 3;
                for (value, &light) in row.iter_mut().zip(&scene.pixels()[y * width..]) {
                    *value = f32::from(light);
                }
            };
            planes(
                &shrink(read, (scene.width(), scene.height()), size),
                size,
                &matrix,
            )
        } else {
            planes(scene.pixels(), size, &matrix)
        };
        painter.cells = size.0 as f32 / scene_width;
        painter.distortion = lens.distortion;
        painter.falloff = lens.falloff();
        let blur_pixels = lens.blur_mm() * 1000.0 / model.array.pitch_um as f32;
        for plane in &mut painter.planes {
            blur(plane, blur_pixels * painter.cells);
        }
        painter
    }

    fn paint(&self, light: &mut [u16]) {
        let geometry = &self.geometry;
        let axis = |axis: usize, size: usize, start: u32, native: u32| -> Vec<f32> {
            let position = |index| {
                let binning = usize::from(geometry.binning[axis]);
                let native = native as f32;
                let place = site(index, binning);
                let place = if geometry.flips[axis] {
                    native - 1.0 - place
                } else {
                    place
                };
                start as f32 + place - self.centre[axis]
            };
            (0..size).map(position).collect()
        };
        let columns = axis(0, geometry.width, geometry.crop.left, geometry.crop.width);
        let rows = axis(1, geometry.height, geometry.crop.top, geometry.crop.height);
        for (y, row) in light.chunks_exact_mut(geometry.width).enumerate() {
            let planes = [0, 1].map(|x| &self.planes[geometry.order.colour(x, y) as usize]);
            for (x, value) in row.iter_mut().enumerate() {
                *value = self.site_light(planes[x & 1], columns[x], rows[y]);
            }
        }
    }

    /// Light at `u`, `v`, in native pixels from the optical axis.
    #[inline]
    fn site_light(&self, plane: &Plane, u: f32, v: f32) -> u16 {
        let r2 = (u * u + v * v) / (self.corner * self.corner);
        let zoom = (1.0 + self.distortion * r2) * self.cells;
        let x = u * zoom + (plane.width - 1) as f32 / 2.0;
        let y = v * zoom + (plane.height - 1) as f32 / 2.0;
        let falloff = 1.0 + self.falloff * r2;
        (plane.sample(x, y) / (falloff * falloff) + 0.5) as u16
    }
}

/// Native position of the middle of the photosites averaged into pixel `index`: those of one colour lie two
/// apart.
fn site(index: usize, binning: usize) -> f32 {
    (2 * binning * (index / 2) + (index & 1) + binning - 1) as f32
}

/// The pixels through the sensor's three filters; what would be less than nothing is black.
fn planes(pixels: &[u16], size: (usize, usize), matrix: &Matrix) -> [Plane; 3] {
    matrix.map(|weights| {
        let weights = weights.map(|weight| weight as f32);
        let value = |pixel: &[u16]| {
            let sum: f32 = weights
                .iter()
                .zip(pixel)
                .map(|(w, &p)| w * f32::from(p))
                .sum();
            (sum + 0.5).clamp(0.0, WHITE as f32) as u16
        };
        let values = pixels.chunks_exact(3).map(value).collect();
        Plane {
            width: size.0,
            height: size.1,
            values,
        }
    })
}
