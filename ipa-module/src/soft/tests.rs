//! Closed loops: the IPA, a sensor that obeys late, and a scene.

use super::*;
use crate::algorithms::exposure_split::Setting;
use crate::algorithms::levels;
use crate::algorithms::levels::tests::flat;
use crate::controls::id;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A sensor behind libcamera: orders take effect two frames later, statistics come with every fourth frame.
struct Loop {
    soft: Soft,
    frame: u32,
    /// What the frames on their way were set to.
    settings: VecDeque<[i32; 2]>,
    /// Level of a perfect reflector per microsecond at gain 1, and what grey gives relative to green.
    light: f64,
    grey: [f64; 2],
    bits: u32,
    /// Frames by which libcamera's account of exposures is late.
    late: usize,
    metadata: List,
    orders: u32,
}

fn controls(lines: i32, codes: i32) -> Vec<Info> {
    let info = |id, minimum, maximum| Info {
        id,
        minimum: Value::I32(minimum),
        maximum: Value::I32(maximum),
        default: Value::I32(minimum),
    };
    vec![
        info(v4l2::EXPOSURE, 4, lines),
        info(v4l2::ANALOGUE_GAIN, 0, codes),
    ]
}

impl Loop {
    fn new(model: &str) -> Self {
        let (bits, lines, codes, line_length, pixel_rate) = match model {
            "imx219" => (10, 1759, 232, 3448, 182_400_000),
            _ => (12, 4000, 1957, 5_000, 480_000_000),
        };
        let settings = Settings {
            configuration_file: String::new(),
            sensor_model: model.to_owned(),
        };
        let sensor = SensorInfo {
            model: model.to_owned(),
            bits_per_pixel: bits,
            pixel_rate,
            min_line_length: line_length,
            ..SensorInfo::default()
        };
        let tuning = Tuning::built_in(model);
        let grey = tuning.white_balance.model.curve.grey(5000.0);
        let soft = Soft::tuned(
            tuning,
            Processor::Cpu,
            &settings,
            sensor,
            &controls(lines, codes),
        );
        Self {
            soft: soft.unwrap(),
            frame: 0,
            settings: VecDeque::from([[500, 0]; 3]),
            light: 1e-5,
            grey,
            bits,
            late: 0,
            metadata: List::default(),
            orders: 0,
        }
    }

    fn ask(&mut self, control: u32, value: Value) {
        let mut list = List::default();
        list.set(control, value);
        self.soft.queue_request(self.frame, &list);
    }

    /// Light on the sensor relative to the full scale, of a perfect reflector.
    fn level(&self) -> f64 {
        let [lines, code] = self.settings[0];
        let stage = self.soft.active.limits.of(Setting {
            lines: lines as u32,
            code: code as u32,
        });
        self.light * stage.exposure_us * stage.gain
    }

    fn step(&mut self) {
        let level = self.level() * 0.18;
        let parameters = self.soft.compute_params(self.frame);
        assert!(parameters.matrix.iter().all(|value| value.is_finite()));
        let [red, blue] = self.grey;
        let black = self.soft.active.black.level();
        let samples = [red, 1.0, blue].map(|grey| (black + (1.0 - black) * grey * level).min(1.0));
        let statistics = self
            .frame
            .is_multiple_of(4)
            .then(|| flat(samples, self.bits));
        let [lines, code] = self.settings[self.late];
        let mut sensor = List::default();
        sensor.set(v4l2::EXPOSURE, Value::I32(lines));
        sensor.set(v4l2::ANALOGUE_GAIN, Value::I32(code));
        let (mut metadata, mut orders) = (List::default(), List::default());
        self.soft.process_stats(
            self.frame,
            statistics.as_ref(),
            &sensor,
            &mut metadata,
            &mut orders,
        );
        self.metadata = metadata;
        let mut next = self.settings[self.settings.len() - 1];
        if let (Some(Value::I32(lines)), Some(Value::I32(code))) =
            (orders.get(v4l2::EXPOSURE), orders.get(v4l2::ANALOGUE_GAIN))
        {
            next = [lines, code];
            self.orders += 1;
        }
        self.settings.push_back(next);
        self.settings.pop_front();
        self.frame += 1;
    }

    /// Levels of so many frames.
    fn run(&mut self, frames: usize) -> Vec<f64> {
        (0..frames)
            .map(|_| {
                self.step();
                self.level()
            })
            .collect()
    }

    fn real(&self, control: u32) -> f64 {
        match self.metadata.get(control) {
            Some(Value::F32(value)) => f64::from(value),
            Some(value) => value.integer().unwrap() as f64,
            None => panic!("no metadata {control}"),
        }
    }
}

/// Frames until a level stays within 5 % of the last one.
fn converged(levels: &[f64]) -> usize {
    let last = levels[levels.len() - 1];
    levels
        .iter()
        .rposition(|level| (level / last - 1.0).abs() > 0.05)
        .map_or(0, |frame| frame + 1)
}

#[test]
fn exposure_converges_without_overshoot_and_rests_on_both_sensors() {
    for model in ["imx219", "imx283"] {
        for (start, frames) in [(1e-7, 20), (1e-3, 30), (1e-5, 20)] {
            for late in [0, 1] {
                let mut camera = Loop::new(model);
                camera.late = late;
                camera.light = start;
                let levels = camera.run(100);
                let last = levels[99];
                let what = format!("{model} from {start}, late {late}: {levels:.3?}");
                if start > 1e-7 {
                    // The mean of the picture is grey, its luminance that of the unbalanced channels.
                    let luminance = levels::luminance([camera.grey[0], 1.0, camera.grey[1]]);
                    assert!((last * luminance - 1.0).abs() < 0.05, "{what}");
                }
                assert!(
                    converged(&levels) <= frames,
                    "{} frames: {what}",
                    converged(&levels)
                );
                let (low, high) = (levels[0].min(last), levels[0].max(last));
                assert!(
                    levels
                        .iter()
                        .all(|level| (low * 0.95..=high * 1.05).contains(level)),
                    "{what}"
                );
                assert!(
                    levels[60..].iter().all(|level| *level == last),
                    "no rest: {what}"
                );
                assert_eq!(camera.real(id::AE_STATE), 2.0, "{what}");
            }
        }
    }
}

#[test]
fn steps_of_light_are_followed() {
    let mut camera = Loop::new("imx219");
    camera.light = 4e-5;
    camera.run(40);
    let before = camera.level();
    for factor in [4.0, 0.25, 0.25, 4.0] {
        camera.light *= factor;
        let levels = camera.run(60);
        assert!(converged(&levels) <= 20, "{factor}: {levels:.3?}");
        assert!(
            (levels[59] / before - 1.0).abs() < 0.05,
            "{factor}: {levels:.3?}"
        );
    }
}

#[test]
fn at_rest_the_same_is_ordered_with_statistics_alone() {
    let mut camera = Loop::new("imx283");
    camera.run(60);
    let (orders, settings) = (camera.orders, camera.settings.clone());
    camera.run(200);
    assert_eq!(camera.orders, orders + 50);
    assert_eq!(camera.settings, settings);
}

#[test]
fn light_is_measured_and_white_found() {
    let mut camera = Loop::new("imx219");
    let reference = Tuning::built_in("imx219").lux.unwrap();
    // The reference's grey at its illuminance, for ten times the light.
    camera.light = 10.0 * reference.luminance / 0.18 / reference.exposure_us;
    camera.run(60);
    let lux = camera.real(id::LUX);
    assert!((lux / 8000.0 - 1.0).abs() < 0.1, "{lux} lux");
    let kelvin = camera.real(id::COLOUR_TEMPERATURE);
    assert!((4800.0..6000.0).contains(&kelvin), "{kelvin} K");
}

#[test]
fn a_lens_that_is_known_changes_light_and_exposure_without_a_restart() {
    let mut camera = Loop::new("imx283");
    camera.light = 8e-5;
    camera.run(60);
    let (lux, time) = (camera.real(id::LUX), camera.real(id::EXPOSURE_TIME));
    camera.soft.set_lens(Some(Lens {
        focal_length_mm: Some(90.0),
        maximum_aperture: Some(5.6),
    }));
    camera.run(60);
    assert!(
        (camera.real(id::LUX) / lux / 4.0 - 1.0).abs() < 0.1,
        "{} after {lux}",
        camera.real(id::LUX)
    );
    let short = camera.real(id::EXPOSURE_TIME);
    assert!(
        time > 9_000.0 && short < 5_000.0,
        "{short} us after {time} us"
    );
    camera.soft.set_lens(None);
    camera.run(60);
    assert_eq!(camera.real(id::EXPOSURE_TIME), time);
}

#[test]
fn what_is_set_by_hand_is_what_the_sensor_is_told() {
    let mut camera = Loop::new("imx219");
    camera.run(40);
    let (time, gain) = (
        camera.real(id::EXPOSURE_TIME),
        camera.real(id::ANALOGUE_GAIN),
    );
    camera.ask(id::EXPOSURE_TIME_MODE, Value::I32(1));
    camera.ask(id::ANALOGUE_GAIN_MODE, Value::I32(1));
    camera.run(10);
    assert_eq!(
        (
            camera.real(id::EXPOSURE_TIME),
            camera.real(id::ANALOGUE_GAIN)
        ),
        (time, gain),
        "kept until said"
    );
    assert_eq!(camera.real(id::AE_STATE), 0.0);
    camera.ask(id::EXPOSURE_TIME, Value::I32(3000));
    camera.ask(id::ANALOGUE_GAIN, Value::F32(2.0));
    camera.run(10);
    assert!((camera.real(id::EXPOSURE_TIME) - 3000.0).abs() <= 19.0);
    assert_eq!(camera.real(id::ANALOGUE_GAIN), 2.0);
    camera.ask(id::ANALOGUE_GAIN_MODE, Value::I32(0));
    camera.light = 1e-4;
    camera.run(60);
    assert!((camera.real(id::EXPOSURE_TIME) - 3000.0).abs() <= 19.0);
    assert!(
        (camera.real(id::ANALOGUE_GAIN) - 3.8).abs() < 0.4,
        "{}",
        camera.real(id::ANALOGUE_GAIN)
    );
}

#[test]
fn an_exposure_value_is_in_stops() {
    let mut camera = Loop::new("imx219");
    camera.run(40);
    let before = camera.level();
    camera.ask(id::EXPOSURE_VALUE, Value::F32(-1.0));
    camera.run(40);
    assert!((camera.level() / before - 0.5).abs() < 0.02);
}

#[test]
fn white_balance_by_hand_holds() {
    let mut camera = Loop::new("imx219");
    camera.run(20);
    camera.ask(id::AWB_ENABLE, Value::Bool(false));
    camera.ask(id::COLOUR_TEMPERATURE, Value::I32(3000));
    camera.run(20);
    assert_eq!(camera.real(id::COLOUR_TEMPERATURE), 3000.0);
    let matrix =
        crate::controls::Few::new(&[1.0f32, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    camera.ask(id::COLOUR_CORRECTION_MATRIX, Value::F32s(matrix));
    camera.run(5);
    assert_eq!(
        camera.metadata.get(id::COLOUR_CORRECTION_MATRIX),
        Some(Value::F32s(matrix))
    );
    camera.ask(id::AWB_ENABLE, Value::Bool(true));
    camera.run(60);
    assert!(camera.real(id::COLOUR_TEMPERATURE) > 3500.0);
    assert_ne!(
        camera.metadata.get(id::COLOUR_CORRECTION_MATRIX),
        Some(Value::F32s(matrix))
    );
}

#[test]
fn limits_offered_are_the_sensors() {
    let camera = Loop::new("imx219");
    let infos = camera.soft.infos();
    let info = |id| *infos.iter().find(|info| info.id == id).unwrap();
    let time = info(id::EXPOSURE_TIME);
    assert_eq!(
        (time.minimum, time.maximum),
        (Value::I32(76), Value::I32(33_251))
    );
    assert_eq!(info(id::ANALOGUE_GAIN).maximum, Value::F32(256.0 / 24.0));
}

#[test]
fn a_sensor_without_its_controls_is_refused_with_words() {
    let refusal = |controls: &[Info]| {
        let sensor = SensorInfo {
            pixel_rate: 1,
            min_line_length: 1,
            ..SensorInfo::default()
        };
        let error = Soft::new(&Settings::default(), sensor, controls).unwrap_err();
        (error.errno(), error.to_string())
    };
    let good = controls(100, 100);
    assert_eq!(refusal(&good[..1]).0, 19);
    assert!(refusal(&good[1..]).1.contains("exposure"));
    let mut bad = good.clone();
    bad[0].maximum = Value::I32(-5);
    assert_eq!(refusal(&bad).0, 22);
    bad[0].maximum = Value::Other;
    assert!(refusal(&bad).1.contains("no range"));
    assert!(matches!(
        Soft::new(&Settings::default(), SensorInfo::default(), &good),
        Err(Refused::NoLine { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_driver_allows_nothing_breaks(
        limits in any::<[i32; 4]>(),
        rate in any::<i64>(),
        length in any::<u32>(),
        model in prop_oneof![Just("imx219"), Just("imx290"), Just("no sensor")],
        reported in any::<(i32, i32)>(),
    ) {
        let info = |id, minimum, maximum| Info { id, minimum, maximum, default: maximum };
        let whole = |id, limits: &[i32]| info(id, Value::I32(limits[0]), Value::I32(limits[1]));
        let controls = [
            whole(v4l2::EXPOSURE, &limits[..2]),
            whole(v4l2::ANALOGUE_GAIN, &limits[2..]),
            info(v4l2::PIXEL_RATE, Value::I64(rate), Value::I64(rate)),
        ];
        let settings = Settings { configuration_file: String::new(), sensor_model: model.to_owned() };
        let sensor = SensorInfo { pixel_rate: 1, min_line_length: length, bits_per_pixel: 10, ..SensorInfo::default() };
        let Ok(mut soft) = Soft::tuned(Tuning::built_in(model), Processor::Cpu, &settings, sensor, &controls) else {
            return Ok(());
        };
        let (mut metadata, mut orders, mut list) = (List::default(), List::default(), List::default());
        list.set(v4l2::EXPOSURE, Value::I32(reported.0));
        list.set(v4l2::ANALOGUE_GAIN, Value::I32(reported.1));
        for level in [0.5, 0.01, 1.0] {
            soft.process_stats(0, Some(&flat([level; 3], 10)), &list, &mut metadata, &mut orders);
            soft.compute_params(0);
        }
    }

    #[test]
    fn whatever_comes_the_sensor_is_told_what_it_can_do(
        steps in proptest::collection::vec((
            proptest::option::of((0..60u32, prop_oneof![
                (0..4i32).prop_map(Value::I32), any::<i32>().prop_map(Value::I32), any::<f32>().prop_map(Value::F32),
                any::<bool>().prop_map(Value::Bool),
            ])),
            any::<[u64; 3]>(), any::<u32>(), 0..64usize, any::<(i32, i32)>(), any::<bool>(),
        ), 1..60),
    ) {
        let mut camera = Loop::new("imx219");
        for (frame, (control, sums, count, bin, sensor, valid)) in steps.into_iter().enumerate() {
            if let Some((control, value)) = control {
                camera.ask(control, value);
            }
            let mut histogram = [0; exchange::HISTOGRAM];
            histogram[bin] = count;
            let parameters = camera.soft.compute_params(frame as u32);
            prop_assert!(parameters.matrix.iter().all(|value| value.is_finite()));
            prop_assert!(parameters.gamma.is_finite() && parameters.contrast.is_finite());
            let mut list = List::default();
            list.set(v4l2::EXPOSURE, Value::I32(sensor.0));
            list.set(v4l2::ANALOGUE_GAIN, Value::I32(sensor.1));
            let (mut metadata, mut orders) = (List::default(), List::default());
            let statistics = valid.then(|| Statistics { sums: sums.map(|sum| sum >> 20), histogram });
            camera.soft.process_stats(frame as u32, statistics.as_ref(), &list, &mut metadata, &mut orders);
            if !orders.is_empty() {
                let order = |control| orders.get(control).unwrap().integer().unwrap();
                prop_assert!((4..=1759).contains(&order(v4l2::EXPOSURE)));
                prop_assert!((0..=232).contains(&order(v4l2::ANALOGUE_GAIN)));
            }
        }
    }
}
