//! The form of a tuning file, and how it is read.

use super::checks::{at, length, number, rising};
use super::{Exposure, LONGEST, Look, STAGES, Tuning, TuningError, WhiteBalance};
use crate::algorithms::auto_exposure::{Bound, Constraint};
use crate::algorithms::colour_correction::Correction;
use crate::algorithms::exposure_split::Stage;
use crate::algorithms::lux::Reference;
use crate::algorithms::white_balance::{Curve, Model, POINTS, Point, Prior};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Colour temperatures in kelvin.
const KELVINS: std::ops::RangeInclusive<f64> = 1000.0..=20_000.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    algorithms: Vec<Spanned<Block>>,
}

#[derive(Deserialize)]
enum Block {
    BlackLevel(Option<BlackLevelBlock>),
    Lux(LuxBlock),
    Agc(Option<Box<AgcBlock>>),
    Awb(Option<Box<AwbBlock>>),
    Ccm(CcmBlock),
    Adjust(Option<AdjustBlock>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BlackLevelBlock {
    black_level: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LuxBlock {
    reference_exposure_time: Spanned<f64>,
    reference_analogue_gain: Spanned<f64>,
    reference_aperture: Spanned<f64>,
    #[serde(rename = "referenceY")]
    reference_luminance: Spanned<f64>,
    reference_lux: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AgcBlock {
    relative_luminance_target: Option<Spanned<f64>>,
    maximum_digital_gain: Option<Spanned<f64>>,
    sensor_diagonal: Option<Spanned<f64>>,
    #[serde(rename = "AeExposureMode", default)]
    modes: Modes,
    #[serde(rename = "AeConstraintMode", default)]
    constraints: Constraints,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Modes {
    exposure_normal: Option<Stages>,
    exposure_short: Option<Stages>,
    exposure_long: Option<Stages>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Stages {
    exposure_time: Spanned<Vec<Spanned<f64>>>,
    gain: Spanned<Vec<Spanned<f64>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Constraints {
    constraint_normal: Option<Bounds>,
    constraint_highlight: Option<Bounds>,
    constraint_shadows: Option<Bounds>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    lower: Option<BoundBlock>,
    upper: Option<BoundBlock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BoundBlock {
    q_lo: Spanned<f64>,
    q_hi: Spanned<f64>,
    y_target: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AwbBlock {
    colour_gains: Spanned<Vec<GainsAt>>,
    priors: Spanned<Vec<PriorAt>>,
    bias: Spanned<Vec<Spanned<f64>>>,
    spread: Spanned<f64>,
    transverse: Spanned<f64>,
    #[serde(rename = "AwbMode")]
    modes: AwbModes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GainsAt {
    ct: Spanned<f64>,
    gains: Spanned<Vec<Spanned<f64>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriorAt {
    lux: Spanned<f64>,
    ct: Spanned<f64>,
    spread: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct AwbModes {
    awb_auto: Range,
    awb_incandescent: Range,
    awb_tungsten: Range,
    awb_fluorescent: Range,
    awb_indoor: Range,
    awb_daylight: Range,
    awb_cloudy: Range,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    lo: Spanned<f64>,
    hi: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CcmBlock {
    ccms: Spanned<Vec<CcmAt>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CcmAt {
    ct: Spanned<f64>,
    ccm: Spanned<Vec<Spanned<f64>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdjustBlock {
    look: Option<LookName>,
    gamma: Option<Spanned<f64>>,
    contrast: Option<Spanned<f64>>,
    saturation: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LookName {
    Natural,
    Vivid,
}

/// Reads and checks a file. Blocks that it does not have are those of the uncalibrated one.
pub(super) fn read(text: &str) -> Result<Tuning, TuningError> {
    if text.len() > LONGEST {
        return Err(TuningError {
            line: 0,
            problem: format!("{} bytes are no tuning file, {LONGEST} at most", text.len()),
        });
    }
    let file: File = serde_saphyr::from_str(text).map_err(|error| TuningError {
        line: error.location().map_or(0, |location| location.line()),
        problem: error.without_snippet().to_string(),
    })?;
    if file.version.value != 1 {
        return Err(at(
            &file.version,
            format!("version: {} instead of 1", file.version.value),
        ));
    }
    let mut tuning = default();
    let mut seen = Vec::new();
    for block in file.algorithms {
        let kind = std::mem::discriminant(&block.value);
        if seen.contains(&kind) {
            return Err(at(&block, "algorithms: a block stands twice".to_owned()));
        }
        seen.push(kind);
        match block.value {
            Block::BlackLevel(block) => {
                tuning.black_level = block
                    .map(|block| number(&block.black_level, "blackLevel", 0.0..=32_767.0))
                    .transpose()?
                    .map(|level| level as u16);
            }
            Block::Lux(block) => tuning.lux = Some(lux(&block)?),
            Block::Agc(block) => {
                if let Some(block) = block {
                    exposure(&mut tuning.exposure, &block)?;
                }
            }
            Block::Awb(block) => {
                if let Some(block) = block {
                    tuning.white_balance = white_balance(&block)?;
                }
            }
            Block::Ccm(block) => tuning.corrections = corrections(&block)?,
            Block::Adjust(block) => {
                if let Some(block) = block {
                    tuning.look = look(&block)?;
                }
            }
        }
    }
    Ok(tuning)
}

/// Without any block: grey world, no matrix, exposure time before gain.
fn default() -> Tuning {
    let stage = |(exposure_us, gain)| Stage { exposure_us, gain };
    let point = |(kelvin, red, blue): (f64, f64, f64)| Point {
        kelvin,
        red: 1.0 / red,
        blue: 1.0 / blue,
    };
    let constraint = |bound, quantiles, level| Constraint {
        bound,
        quantiles,
        level,
    };
    Tuning {
        black_level: None,
        lux: None,
        exposure: Exposure {
            luminance: 0.18,
            digital_gain: 2.0,
            diagonal_mm: None,
            modes: [
                vec![stage((33_333.0, 1.0))],
                [(2_000.0, 1.0), (5_000.0, 4.0), (10_000.0, 8.0)]
                    .map(stage)
                    .to_vec(),
                [(66_666.0, 1.0), (200_000.0, 2.0)].map(stage).to_vec(),
            ],
            constraints: [
                Vec::new(),
                vec![constraint(Bound::Upper, [0.98, 1.0], 0.8)],
                vec![constraint(Bound::Lower, [0.0, 0.5], 0.1)],
            ],
        },
        white_balance: WhiteBalance {
            model: Model {
                curve: Curve::new(
                    [
                        (2500.0, 1.0, 2.9),
                        (3600.0, 1.3, 2.0),
                        (4600.0, 1.6, 1.6),
                        (7500.0, 2.05, 1.4),
                    ]
                    .map(point)
                    .to_vec(),
                ),
                priors: vec![Prior {
                    lux: 500.0,
                    mired: 240.0,
                    spread: 1000.0,
                }],
                bias: [0.0; 2],
                spread: 0.02,
                transverse: 0.5,
            },
            modes: [
                [2500.0, 8000.0],
                [2500.0, 3000.0],
                [3000.0, 3500.0],
                [4000.0, 4700.0],
                [3000.0, 5000.0],
                [5500.0, 6500.0],
                [7000.0, 8000.0],
            ],
        },
        corrections: Vec::new(),
        look: Look::NATURAL,
    }
}

fn lux(block: &LuxBlock) -> Result<Reference, TuningError> {
    Ok(Reference {
        exposure_us: number(
            &block.reference_exposure_time,
            "referenceExposureTime",
            1.0..=1e9,
        )?,
        gain: number(
            &block.reference_analogue_gain,
            "referenceAnalogueGain",
            0.1..=1000.0,
        )?,
        aperture: number(&block.reference_aperture, "referenceAperture", 0.5..=64.0)?,
        luminance: number(&block.reference_luminance, "referenceY", 1.0..=65_535.0)? / 65_536.0,
        lux: number(&block.reference_lux, "referenceLux", 0.1..=200_000.0)?,
    })
}

fn exposure(exposure: &mut Exposure, block: &AgcBlock) -> Result<(), TuningError> {
    if let Some(value) = &block.relative_luminance_target {
        exposure.luminance = number(value, "relativeLuminanceTarget", 0.01..=0.9)?;
    }
    if let Some(value) = &block.maximum_digital_gain {
        exposure.digital_gain = number(value, "maximumDigitalGain", 1.0..=16.0)?;
    }
    if let Some(value) = &block.sensor_diagonal {
        exposure.diagonal_mm = Some(number(value, "sensorDiagonal", 1.0..=100.0)?);
    }
    let modes = &block.modes;
    let modes = [
        &modes.exposure_normal,
        &modes.exposure_short,
        &modes.exposure_long,
    ];
    for (mode, stages) in exposure.modes.iter_mut().zip(modes) {
        if let Some(given) = stages {
            *mode = read_stages(given)?;
        }
    }
    let constraints = &block.constraints;
    let constraints = [
        &constraints.constraint_normal,
        &constraints.constraint_highlight,
        &constraints.constraint_shadows,
    ];
    for (mode, bounds) in exposure.constraints.iter_mut().zip(constraints) {
        let Some(bounds) = bounds else { continue };
        let each = [(Bound::Lower, &bounds.lower), (Bound::Upper, &bounds.upper)];
        *mode = each
            .into_iter()
            .filter_map(|(bound, block)| block.as_ref().map(|block| constraint(bound, block)))
            .collect::<Result<_, _>>()?;
    }
    Ok(())
}

fn read_stages(stages: &Stages) -> Result<Vec<Stage>, TuningError> {
    length(&stages.exposure_time, "exposureTime", 1..=STAGES)?;
    let count = stages.exposure_time.value.len();
    length(&stages.gain, "gain", count..=count)?;
    rising(&stages.exposure_time.value, "exposureTime")?;
    let pairs = stages.exposure_time.value.iter().zip(&stages.gain.value);
    pairs
        .map(|(time, gain)| {
            Ok(Stage {
                exposure_us: number(time, "exposureTime", 1.0..=1e9)?,
                gain: number(gain, "gain", 1.0..=1000.0)?,
            })
        })
        .collect()
}

fn constraint(bound: Bound, block: &BoundBlock) -> Result<Constraint, TuningError> {
    let low = number(&block.q_lo, "qLo", 0.0..=1.0)?;
    Ok(Constraint {
        bound,
        quantiles: [low, number(&block.q_hi, "qHi", low..=1.0)?],
        level: number(&block.y_target, "yTarget", 0.01..=1.0)?,
    })
}

fn white_balance(block: &AwbBlock) -> Result<WhiteBalance, TuningError> {
    length(&block.colour_gains, "colourGains", 2..=POINTS)?;
    rising(block.colour_gains.value.iter().map(|point| &point.ct), "ct")?;
    let curve = block.colour_gains.value.iter().map(|point| {
        length(&point.gains, "gains", 2..=2)?;
        Ok(Point {
            kelvin: number(&point.ct, "ct", KELVINS)?,
            red: number(&point.gains.value[0], "gains", 0.1..=16.0)?.recip(),
            blue: number(&point.gains.value[1], "gains", 0.1..=16.0)?.recip(),
        })
    });
    length(&block.priors, "priors", 1..=POINTS)?;
    rising(block.priors.value.iter().map(|prior| &prior.lux), "lux")?;
    let priors = block.priors.value.iter().map(|prior| {
        Ok(Prior {
            lux: number(&prior.lux, "lux", 0.1..=200_000.0)?,
            mired: 1e6 / number(&prior.ct, "ct", KELVINS)?,
            spread: number(&prior.spread, "spread", 1.0..=1000.0)?,
        })
    });
    length(&block.bias, "bias", 2..=2)?;
    let bias = |index: usize| number(&block.bias.value[index], "bias", -1.0..=1.0);
    let modes = &block.modes;
    let modes = [
        &modes.awb_auto,
        &modes.awb_incandescent,
        &modes.awb_tungsten,
        &modes.awb_fluorescent,
        &modes.awb_indoor,
        &modes.awb_daylight,
        &modes.awb_cloudy,
    ];
    let mut ranges = [[0.0; 2]; 7];
    for (range, mode) in ranges.iter_mut().zip(modes) {
        let low = number(&mode.lo, "lo", KELVINS)?;
        *range = [low, number(&mode.hi, "hi", low..=*KELVINS.end())?];
    }
    Ok(WhiteBalance {
        model: Model {
            curve: Curve::new(curve.collect::<Result<_, _>>()?),
            priors: priors.collect::<Result<_, _>>()?,
            bias: [bias(0)?, bias(1)?],
            spread: number(&block.spread, "spread", 0.001..=2.0)?,
            transverse: number(&block.transverse, "transverse", 0.0..=2.0)?,
        },
        modes: ranges,
    })
}

fn corrections(block: &CcmBlock) -> Result<Vec<Correction>, TuningError> {
    length(&block.ccms, "ccms", 0..=POINTS)?;
    rising(
        block.ccms.value.iter().map(|correction| &correction.ct),
        "ct",
    )?;
    let corrections = block.ccms.value.iter().map(|correction| {
        length(&correction.ccm, "ccm", 9..=9)?;
        let mut matrix = [[0.0; 3]; 3];
        for (index, value) in correction.ccm.value.iter().enumerate() {
            matrix[index / 3][index % 3] = number(value, "ccm", -16.0..=16.0)?;
        }
        Ok(Correction {
            kelvin: number(&correction.ct, "ct", KELVINS)?,
            matrix,
        })
    });
    corrections.collect()
}

fn look(block: &AdjustBlock) -> Result<Look, TuningError> {
    let mut look = match block.look {
        None | Some(LookName::Natural) => Look::NATURAL,
        Some(LookName::Vivid) => Look::VIVID,
    };
    if let Some(gamma) = &block.gamma {
        look.gamma = number(gamma, "gamma", 0.1..=10.0)?;
    }
    if let Some(contrast) = &block.contrast {
        look.contrast = number(contrast, "contrast", 0.0..=2.0)?;
    }
    if let Some(saturation) = &block.saturation {
        look.saturation = number(saturation, "saturation", 0.0..=2.0)?;
    }
    Ok(look)
}
