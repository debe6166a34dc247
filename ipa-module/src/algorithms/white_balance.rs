//! White balance from one mean colour.
//!
//! All that the statistics tell of colour is the mean of the whole picture. That the mean is grey is true on average
//! and wrong for most scenes, by an amount that can be learnt from photographs. So the mean is taken as a measurement
//! with a known spread, and the light as what makes it likely: each light on the sensor's curve of colour temperatures
//! has a likelihood, by how far the mean is from what grey would give in it, and a prior, by the illuminance: a dim
//! scene is rarely in daylight, a bright one never in lamplight. The estimate is the mean of what remains (Bayes; see
//! D. Brainard and W. Freeman, "Bayesian color constancy", 1997). Across the curve, where fluorescent lamps and
//! foliage lie, the same weighing is done against a normal distribution of small width.
//!
//! Distances are in natural logarithms of red and blue relative to green, temperatures in mired (10^6 / K).

use std::ops::RangeInclusive;

/// Lights that are tried, in mired.
const MIREDS: RangeInclusive<u32> = 100..=500;
/// From one light to the next.
const STRIDE: usize = 5;
/// Points of a curve at most.
pub const POINTS: usize = 32;
/// Light below this share of the full scale has no colour that could be trusted.
const DARKEST: f64 = 1.0 / 1024.0;
/// A picture with a larger share of clipped samples has lost its colour.
const CLIPPED: f64 = 0.3;
/// How far an estimate goes towards a new one with each frame that has statistics.
const SPEED: f64 = 0.35;
/// Changes of gains that nobody sees.
const DEAD_ZONE: f64 = 0.003;

/// What grey gives in a light.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Colour temperature in kelvin.
    pub kelvin: f64,
    /// Red relative to green.
    pub red: f64,
    /// Blue relative to green.
    pub blue: f64,
}

/// What is expected of the light at an illuminance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// In lux.
    pub lux: f64,
    /// Mean in mired.
    pub mired: f64,
    /// Standard deviation in mired.
    pub spread: f64,
}

/// What grey gives by colour temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    /// Lights that are tried: mired, and the logarithms of what grey gives.
    lights: Vec<(f64, [f64; 2])>,
}

impl Curve {
    /// The curve through points of rising temperature, two at least.
    pub fn new(points: Vec<Point>) -> Self {
        let mut curve = Self {
            points,
            lights: Vec::new(),
        };
        let mireds = MIREDS.step_by(STRIDE).map(f64::from);
        let lights = mireds.map(|mired| (mired, curve.grey(1e6 / mired).map(f64::ln)));
        curve.lights = lights.collect();
        curve
    }

    /// Red and blue of grey in light of a temperature, linear between points in kelvin; beyond the ends the last segment.
    pub fn grey(&self, kelvin: f64) -> [f64; 2] {
        let after = self.points.partition_point(|point| point.kelvin < kelvin);
        let after = after.clamp(1, self.points.len() - 1);
        let (low, high) = (self.points[after - 1], self.points[after]);
        let part = (kelvin - low.kelvin) / (high.kelvin - low.kelvin);
        let at = |low: f64, high: f64| (low + part * (high - low)).max(0.02);
        [at(low.red, high.red), at(low.blue, high.blue)]
    }
}

/// How pictures and lights are distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Lights as the sensor sees them.
    pub curve: Curve,
    /// By illuminance, rising; one at least.
    pub priors: Vec<Prior>,
    /// Mean colour of scenes in neutral light: logarithms of red and blue relative to green.
    pub bias: [f64; 2],
    /// Standard deviation of the mean colour of scenes, in logarithms.
    pub spread: f64,
    /// Standard deviation of lights across the curve, in logarithms.
    pub transverse: f64,
}

/// A light, as a sensor sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// Correlated colour temperature in kelvin.
    pub kelvin: f64,
    /// Gains of red and blue that make grey grey.
    pub gains: [f64; 2],
}

impl Model {
    /// The light of a temperature.
    pub fn light(&self, kelvin: f64) -> Light {
        Light {
            kelvin,
            gains: self.curve.grey(kelvin).map(f64::recip),
        }
    }

    /// The light that needs such gains; its temperature is that of the closest one on the curve.
    pub fn lit(&self, gains: [f64; 2]) -> Light {
        let wanted = gains.map(|gain| -gain.ln());
        let distance = |(_, grey): &&(f64, [f64; 2])| {
            (grey[0] - wanted[0]).powi(2) + (grey[1] - wanted[1]).powi(2)
        };
        let lights = self.curve.lights.iter();
        let closest = lights.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        Light {
            kelvin: closest.map_or(5000.0, |(mired, _)| 1e6 / mired),
            gains,
        }
    }

    /// The light of a picture with this mean colour, among those of a range of temperatures.
    ///
    /// `None` where the picture is too dark to tell.
    pub fn estimate(&self, mean: [f64; 3], lux: f64, kelvins: [f64; 2]) -> Option<Light> {
        let [red, green, blue] = mean;
        if !(green >= DARKEST && red > 0.0 && blue > 0.0) {
            return None;
        }
        let seen = [
            (red / green).ln() - self.bias[0],
            (blue / green).ln() - self.bias[1],
        ];
        let prior = self.prior(lux);
        let (mut weights, mut sum) = (0.0, 0.0);
        for (mired, grey) in &self.curve.lights {
            if !(kelvins[0]..=kelvins[1]).contains(&(1e6 / mired)) {
                continue;
            }
            let apart =
                ((seen[0] - grey[0]).powi(2) + (seen[1] - grey[1]).powi(2)) / self.spread.powi(2);
            let unexpected = ((mired - prior.mired) / prior.spread).powi(2);
            // Not 0 where everything is unlikely: the least unlikely still wins.
            let weight = (-0.5 * (apart + unexpected)).max(-600.0).exp();
            weights += weight;
            sum += weight * mired;
        }
        // A range without a light that is tried: its middle.
        let kelvin = if weights > 0.0 {
            1e6 * weights / sum
        } else {
            (kelvins[0] + kelvins[1]) / 2.0
        };
        let grey = self.curve.grey(kelvin).map(f64::ln);
        // Across the curve: its normal at the estimate.
        let along = self.curve.grey(kelvin * 1.02).map(f64::ln);
        let along = [along[0] - grey[0], along[1] - grey[1]];
        let length = along[0].hypot(along[1]).max(1e-9);
        let across = [-along[1] / length, along[0] / length];
        let distance = (seen[0] - grey[0]) * across[0] + (seen[1] - grey[1]) * across[1];
        let trusted = self.transverse.powi(2) / (self.transverse.powi(2) + self.spread.powi(2));
        Some(Light {
            kelvin,
            gains: std::array::from_fn(|index| {
                (-grey[index] - trusted * distance * across[index]).exp()
            }),
        })
    }

    /// Between the priors by the logarithm of illuminance.
    fn prior(&self, lux: f64) -> Prior {
        let lux = lux.max(1e-3);
        let after = self.priors.partition_point(|prior| prior.lux < lux);
        let Some(low) = after
            .checked_sub(1)
            .and_then(|before| self.priors.get(before))
        else {
            return self.priors[0];
        };
        let Some(high) = self.priors.get(after) else {
            return *low;
        };
        let part = (lux / low.lux).ln() / (high.lux / low.lux).ln();
        Prior {
            lux,
            mired: low.mired + part * (high.mired - low.mired),
            spread: low.spread + part * (high.spread - low.spread),
        }
    }
}

/// The state between frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WhiteBalance {
    light: Light,
    known: bool,
    settled: bool,
}

impl WhiteBalance {
    /// Before the first frame: a light that is assumed.
    pub fn new(light: Light) -> Self {
        Self {
            light,
            known: false,
            settled: false,
        }
    }

    /// The light that pictures are balanced for.
    pub fn light(&self) -> Light {
        self.light
    }

    /// Whether the last frame changed nothing.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// Somebody says what the light is.
    pub fn set(&mut self, light: Light) {
        *self = Self {
            light,
            known: true,
            settled: true,
        };
    }

    /// A frame was seen, with such a share of clipped samples. The first one counts whole, later ones gradually.
    pub fn seen(&mut self, estimate: Option<Light>, clipped: f64) {
        let Some(estimate) = estimate else {
            return;
        };
        if clipped > CLIPPED && self.known {
            return;
        }
        let speed = if self.known { SPEED } else { 1.0 };
        let changed = (0..2)
            .any(|index| (estimate.gains[index] / self.light.gains[index]).ln().abs() > DEAD_ZONE);
        self.settled = !changed;
        // What a clipped picture gave is only for the time being.
        self.known = clipped <= CLIPPED;
        if changed {
            let towards = |old: f64, new: f64| old * (new / old).powf(speed);
            self.light = Light {
                kelvin: towards(self.light.kelvin, estimate.kelvin),
                gains: std::array::from_fn(|index| {
                    towards(self.light.gains[index], estimate.gains[index])
                }),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn model() -> Model {
        let point = |(kelvin, red, blue)| Point { kelvin, red, blue };
        Model {
            curve: Curve::new(
                [
                    (2860.0, 0.9514, 0.4156),
                    (3603.0, 0.8305, 0.5251),
                    (4650.0, 0.6756, 0.6433),
                    (7580.0, 0.5019, 0.7495),
                ]
                .map(point)
                .to_vec(),
            ),
            priors: vec![
                Prior {
                    lux: 100.0,
                    mired: 330.0,
                    spread: 60.0,
                },
                Prior {
                    lux: 5000.0,
                    mired: 180.0,
                    spread: 30.0,
                },
            ],
            bias: [0.0; 2],
            spread: 0.12,
            transverse: 0.04,
        }
    }

    fn grey(kelvin: f64) -> [f64; 3] {
        let [red, blue] = model().curve.grey(kelvin);
        [red * 0.2, 0.2, blue * 0.2]
    }

    const ALL: [f64; 2] = [2300.0, 8000.0];

    #[test]
    fn a_grey_scene_in_light_that_is_expected_is_found() {
        let light = model().estimate(grey(3030.0), 100.0, ALL).unwrap();
        assert!((light.kelvin - 3030.0).abs() < 200.0, "{light:?}");
        let light = model().estimate(grey(5550.0), 5000.0, ALL).unwrap();
        assert!((light.kelvin - 5550.0).abs() < 250.0, "{light:?}");
    }

    #[test]
    fn the_same_colour_is_lamplight_in_the_dim_and_a_thing_in_the_sun() {
        let mean = grey(3500.0);
        let dim = model().estimate(mean, 100.0, ALL).unwrap();
        let sun = model().estimate(mean, 20_000.0, ALL).unwrap();
        assert!(dim.kelvin + 500.0 < sun.kelvin, "{dim:?} {sun:?}");
    }

    #[test]
    fn a_mode_keeps_to_its_temperatures() {
        let light = model()
            .estimate(grey(6500.0), 5000.0, [2500.0, 3000.0])
            .unwrap();
        assert!((2500.0..=3000.0).contains(&light.kelvin), "{light:?}");
        // Between two lights that are tried.
        let light = model()
            .estimate(grey(6500.0), 5000.0, [5010.0, 5012.0])
            .unwrap();
        assert!((5010.0..=5012.0).contains(&light.kelvin), "{light:?}");
    }

    #[test]
    fn gains_and_temperature_belong_together() {
        for kelvin in [2500.0, 3000.0, 4000.0, 5000.0, 6500.0] {
            let found = model().lit(model().light(kelvin).gains).kelvin;
            assert!((found / kelvin - 1.0).abs() < 0.02, "{kelvin} {found}");
        }
    }

    #[test]
    fn the_dark_tells_nothing() {
        assert_eq!(model().estimate([0.0; 3], 0.0, ALL), None);
        assert_eq!(model().estimate([1.0, f64::NAN, 1.0], 0.0, ALL), None);
    }

    #[test]
    fn the_first_frame_counts_whole_and_later_ones_gradually() {
        let mut state = WhiteBalance::new(model().light(5000.0));
        state.seen(None, 0.0);
        assert_eq!(state.light().kelvin, 5000.0);
        state.seen(Some(model().light(3000.0)), 0.0);
        assert_eq!(state.light(), model().light(3000.0));
        state.seen(Some(model().light(4000.0)), 0.0);
        assert!((3100.0..3900.0).contains(&state.light().kelvin));
        for _ in 0..30 {
            state.seen(Some(model().light(4000.0)), 0.0);
        }
        assert!(state.settled());
        assert!((state.light().gains[0] / model().light(4000.0).gains[0] - 1.0).abs() < 0.01);
        let before = state;
        state.seen(Some(model().light(6000.0)), 0.9);
        assert_eq!(state, before);
    }

    proptest! {
        #[test]
        fn whatever_the_colour_gains_are_gains(
            mean in proptest::array::uniform3(0.0..1.0f64),
            lux in 0.0..1e6f64,
            low in 2000.0..9000.0f64,
            width in 0.0..3000.0f64,
        ) {
            if let Some(light) = model().estimate(mean, lux, [low, low + width]) {
                prop_assert!(light.gains.iter().all(|gain| (0.2..20.0).contains(gain)), "{light:?}");
                prop_assert!((1900.0..=13_000.0).contains(&light.kelvin), "{light:?}");
            }
        }
    }
}
