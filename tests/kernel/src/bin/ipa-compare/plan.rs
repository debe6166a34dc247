//! What is measured: lights, scenes, and what is true of them.

use anyhow::{Context, Result};
use bayonet_board::optics::{chart, grey_response};
use bayonet_board::sensor::SensorModel;
use bayonet_kernel_tests::comparison::{Measured, Plan, Run, Step};
use image::DynamicImage;
use std::path::Path;

/// Usual light.
const LUX: f64 = 800.0;
const KELVIN: f64 = 5000.0;
/// Frames in which white balance has settled.
const FRAMES: usize = 80;
/// Frames before and behind a change of exposure. libcamera's own IPA goes a tenth further every fourth frame, which
/// takes 150 frames over five stops.
pub(crate) const EXPOSURE_FRAMES: usize = 240;
/// Light before and behind a change of exposure.
pub(crate) const EXPOSURES: [(&str, f64, f64); 4] = [
    ("from dark", 20.0, LUX),
    ("from bright", 20_000.0, LUX),
    ("light x 4", LUX / 2.0, LUX * 2.0),
    ("light / 4", LUX * 2.0, LUX / 2.0),
];
/// Temperatures at which white is looked for.
pub(crate) const WHITES: [f64; 8] = [
    2500.0, 2900.0, 3500.0, 4000.0, 4600.0, 5200.0, 6000.0, 7000.0,
];
/// Illuminance at which light of each of these temperatures is common: candles and lamps, rooms, overcast sky, sun, shade.
pub(crate) const LIKELY: [f64; 8] = [30.0, 100.0, 200.0, 500.0, 1000.0, 5000.0, 10_000.0, 3000.0];
/// Temperatures at which colours are looked at.
pub(crate) const COLOURS: [f64; 4] = [2900.0, 4000.0, 5000.0, 6500.0];
/// Photographs, and the two whose middle is a scene of its own: less to see, other colours.
const PHOTOGRAPHS: [&str; 3] = ["raccoon", "coffee", "astronaut"];
const CROPPED: [&str; 2] = ["coffee", "astronaut"];
/// Width and height of the chart's picture.
const CHART_ASPECT: f64 = 1.5;

/// Names of the kinds of runs; what follows in a run's name says which one.
pub(crate) const EXPOSURE: &str = "exposure ";
/// At one illuminance, whatever the temperature; and where each is likely.
pub(crate) const WHITE: [&str; 2] = ["white at 800 lux, ", "white in likely light, "];
pub(crate) const COLOUR: &str = "colour ";
pub(crate) const ALLOCATIONS: &str = "allocations";

/// Everything; scenes that have to be made go into `directory`.
pub(crate) fn plan(model: &SensorModel, scenes: &Path, directory: &Path) -> Result<Plan> {
    let run = |name: String, scene: &str, kelvin: f64, lights: &[f64], measured| Run {
        name,
        scene: scene.to_owned(),
        kelvin,
        steps: lights
            .iter()
            .map(|&lux| Step {
                lux,
                frames: FRAMES,
            })
            .collect(),
        measured,
    };
    let mut runs = Vec::new();
    for (name, before, after) in EXPOSURES {
        let name = format!("{EXPOSURE}{name}");
        let mut run = run(name, "chart", KELVIN, &[before, after], Measured::Metadata);
        for step in &mut run.steps {
            step.frames = EXPOSURE_FRAMES;
        }
        runs.push(run);
    }
    let mut photographs: Vec<(String, String)> = PHOTOGRAPHS
        .iter()
        .map(|&name| (name.to_owned(), name.to_owned()))
        .collect();
    for name in CROPPED {
        let file = scenes.join(name).with_extension("jpg");
        let photograph = image::open(&file).with_context(|| file.display().to_string())?;
        let crop = directory.join(name).with_extension("png");
        middle(&photograph)
            .save(&crop)
            .with_context(|| crop.display().to_string())?;
        photographs.push((format!("{name}'s middle"), crop.display().to_string()));
    }
    for (name, scene) in &photographs {
        for (kelvin, likely) in WHITES.into_iter().zip(LIKELY) {
            for (kind, lux) in WHITE.into_iter().zip([LUX, likely]) {
                let name = format!("{kind}{name} {kelvin}");
                runs.push(run(name, scene, kelvin, &[lux], Measured::Metadata));
            }
        }
    }
    for kelvin in COLOURS {
        runs.push(run(
            format!("{COLOUR}{kelvin}"),
            "chart",
            kelvin,
            &[LUX],
            Measured::Colours,
        ));
    }
    runs.push(run(
        ALLOCATIONS.into(),
        "chart",
        KELVIN,
        &[LUX],
        Measured::Allocations,
    ));
    let patches = chart::patches().map(|patch| on_sensor(model, patch.place));
    let patches = patches.to_vec();
    Ok(Plan { runs, patches })
}

/// The middle of a photograph, a third of each side.
fn middle(photograph: &DynamicImage) -> DynamicImage {
    let (width, height) = (photograph.width(), photograph.height());
    photograph.crop_imm(width / 3, height / 3, width / 3, height / 3)
}

/// Where a place of the chart is in a picture of all that the sensor sees: the chart's middle covers it.
fn on_sensor(model: &SensorModel, place: [f32; 4]) -> [f64; 4] {
    let active = &model.array.active;
    let aspect = f64::from(active.width) / f64::from(active.height);
    let (wide, high) = (
        (CHART_ASPECT / aspect).max(1.0),
        (aspect / CHART_ASPECT).max(1.0),
    );
    let scale = |value: f32, by: f64| (f64::from(value) - 0.5) * by + 0.5;
    let [left, top, right, bottom] = place;
    [
        scale(left, wide),
        scale(top, high),
        scale(right, wide),
        scale(bottom, high),
    ]
}

/// Sensor's red, green and blue of a grey surface in this light.
pub(crate) fn white(model: &SensorModel, kelvin: f64) -> [f64; 3] {
    let [red, blue] = grey_response(model, kelvin);
    [red, 1.0, blue]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_forty_pairs_of_each_kind_and_every_run_has_its_name() {
        let model = SensorModel::named("imx219").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let scenes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/board/scenes");
        let plan = plan(&model, &scenes, directory.path()).unwrap();
        let count = |kind| {
            plan.runs
                .iter()
                .filter(|run| run.name.starts_with(kind))
                .count()
        };
        assert_eq!((count(EXPOSURE), count(COLOUR)), (4, 4));
        assert_eq!(WHITE.map(count), [40, 40]);
        let mut names: Vec<_> = plan.runs.iter().map(|run| &run.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), plan.runs.len());
        // What is wider than the sensor is cut at both sides, and no patch with it.
        for [left, top, right, bottom] in plan.patches {
            assert!(0.0 < left && left < right && right < 1.0);
            assert!(0.0 < top && top < bottom && bottom < 1.0);
        }
        let [left, ..] = on_sensor(&model, [0.5, 0.5, 0.5, 0.5]);
        assert_eq!(left, 0.5);
    }
}
