//! Raw frames to DNG files: what libcamera, the sensor's file and the lens's profile know, as DNG has it.

use super::raw::Layout;
use super::tags::{ISO_OF_GAIN_1, MAKE, SOFTWARE, Shot};
use crate::report::{Capabilities, Values};
use crate::wire::{self, LensTags};
use bayonet_imaging::colour::{self, WhiteBalance};
use bayonet_imaging::demosaic::{Mosaic, Pattern};
use bayonet_imaging::dng::Preview;
use bayonet_imaging::dng::negative::{self, Camera, Colour, Lens, Negative, Noise, Raw, Sequence};
use bayonet_imaging::dng::opcodes::Opcode;
use bayonet_imaging::dng::write::{Compression, Moment, Template};
use bayonet_imaging::lens_opcodes::{self, Geometry};
use bayonet_imaging::preview;
use bayonet_imaging::sensors::{self, Sensor};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use serde_json::Value;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// JPEG quality of the picture that a DNG carries to be looked at.
const PREVIEW_QUALITY: u8 = 85;
/// In a second; what libcamera tells a frame's duration in.
const MICROSECONDS: f64 = 1e6;
/// Taken where libcamera tells no duration.
const USUAL_FRAME: f64 = 40_000.0;
const DAY_NS: u64 = 86_400_000_000_000;
/// libcamera tells black levels of samples that are brought to so many bits.
const LEVEL_BITS: u8 = 16;

/// What does not change from frame to frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Sensor model.
    pub model: String,
    /// Columns and rows of the sensor's active pixels.
    pub array: Option<[u32; 2]>,
    /// Micrometres from one of its pixels to the next.
    pub pitch_um: Option<f64>,
    /// Left, top, width and height of what the mode reads, in the sensor's pixels.
    pub area: Option<[f64; 4]>,
}

impl Facts {
    /// From what libcamera says of the camera in its present mode.
    pub fn of(capabilities: &Capabilities) -> Self {
        let numbers = |name: &str| -> Option<Vec<f64>> {
            let list = capabilities.properties.get(name)?.as_array()?;
            list.iter().map(Value::as_f64).collect()
        };
        Self {
            model: capabilities.model.clone(),
            array: capabilities.pixel_array,
            pitch_um: numbers("UnitCellSize").and_then(|nm| Some(nm.first()? / 1000.0)),
            area: numbers("ScalerCropMaximum").and_then(|area| area.try_into().ok()),
        }
    }

    /// How the lens's picture lies on a raw frame of this size.
    fn geometry(&self, size: [usize; 2]) -> Option<Geometry> {
        let [array_width, array_height] = self.array?.map(f64::from);
        let [left, top, width, height] =
            (self.area).unwrap_or([0.0, 0.0, array_width, array_height]);
        let is_sound = width > 0.0 && height > 0.0;
        is_sound.then_some(Geometry {
            size,
            pitch_um: self.pitch_um? * width / size[0] as f64,
            axis: [
                (array_width / 2.0 - left) / width,
                (array_height / 2.0 - top) / height,
            ],
        })
    }
}

/// A raw frame's samples.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its size and its colour filters.
    pub layout: Layout,
    /// Bits of a sample.
    pub bits: u8,
    /// Row by row, without gaps.
    pub samples: &'a [u16],
}

impl<'a> Frame<'a> {
    fn mosaic(&self) -> Mosaic<'a> {
        Mosaic {
            samples: self.samples,
            stride: self.layout.width,
            width: self.layout.width,
            height: self.layout.height,
            pattern: self.layout.format.pattern,
            white: white(self.bits),
        }
    }
}

/// A frame as a DNG, with a picture in it to be looked at.
///
/// # Errors
/// A sentence that says what DNG cannot hold.
pub fn dng(
    frame: &Frame<'_>,
    facts: &Facts,
    compression: wire::Compression,
    shot: &Shot,
    metadata: &Values,
) -> Result<Vec<u8>, String> {
    let sensor = Sensor::named(&facts.model);
    let negative = negative(frame, facts, sensor.as_ref(), shot, metadata);
    let preview = picture(frame, &negative)?;
    let template = Template::new(&negative, compression.into(), Some(preview));
    let mut template = template.map_err(|error| error.to_string())?;
    let mut file = Vec::new();
    let written = template.write(&frame.mosaic(), &Moment::of(&negative), &mut file);
    written.map_err(|error| error.to_string())?;
    Ok(file)
}

/// Writes frames of one stream as DNGs of one sequence; what it needs it keeps.
#[derive(Debug)]
pub struct Writer {
    facts: Facts,
    sensor: Option<Sensor>,
    /// With what it was made for: bits of a sample, and the lens, which can be another one in mid-sequence.
    template: Option<(u8, Option<Arc<LensTags>>, Template)>,
    compression: wire::Compression,
}

impl Writer {
    /// For frames of this mode.
    pub fn new(facts: Facts, compression: wire::Compression) -> Self {
        Self {
            sensor: Sensor::named(&facts.model),
            facts,
            template: None,
            compression,
        }
    }

    /// Writes a frame into `file`, whose content goes.
    ///
    /// # Errors
    /// A sentence that says what DNG cannot hold.
    pub fn write(
        &mut self,
        frame: &Frame<'_>,
        shot: &Shot,
        metadata: &Values,
        file: &mut Vec<u8>,
    ) -> Result<(), String> {
        let sensor = self.sensor.as_ref();
        let sequence = sequence(shot, metadata);
        let known = self.template.take();
        let known = known.filter(|(bits, lens, _)| *bits == frame.bits && *lens == shot.lens);
        let (.., template) = match known {
            Some(known) => self.template.insert(known),
            None => {
                let negative = Negative {
                    sequence: Some(sequence),
                    ..negative(frame, &self.facts, sensor, shot, metadata)
                };
                let template = Template::new(&negative, self.compression.into(), None);
                let template = template.map_err(|error| error.to_string())?;
                self.template
                    .insert((frame.bits, shot.lens.clone(), template))
            }
        };
        let moment = Moment {
            shot: moment(shot),
            as_shot_neutral: neutral(sensor, metadata),
            noise: noise(sensor, frame.bits, metadata),
            frame: sequence.frame,
        };
        let written = template.write(&frame.mosaic(), &moment, file);
        written.map_err(|error| error.to_string())
    }
}

impl From<wire::Compression> for Compression {
    fn from(compression: wire::Compression) -> Self {
        match compression {
            wire::Compression::LosslessJpeg => Self::LosslessJpeg,
            wire::Compression::JpegXl => Self::JpegXl,
        }
    }
}

/// What is known of a frame.
fn negative(
    frame: &Frame<'_>,
    facts: &Facts,
    sensor: Option<&Sensor>,
    shot: &Shot,
    metadata: &Values,
) -> Negative {
    let (width, height) = (frame.layout.width, frame.layout.height);
    let bits = frame.bits;
    Negative {
        raw: Raw {
            width,
            height,
            pattern: frame.layout.format.pattern,
            bits,
            black: black(frame, sensor, metadata),
            white: white(bits),
            active: [0, 0, height, width],
        },
        colour: Colour {
            calibrations: match sensor {
                Some(sensor) => sensor.calibrations().to_vec(),
                None => vec![sensors::uncalibrated()],
            },
            as_shot_neutral: neutral(sensor, metadata),
            noise: noise(sensor, bits, metadata),
        },
        camera: Camera {
            make: MAKE.to_owned(),
            model: facts.model.clone(),
            unique_model: format!("{MAKE} {}", facts.model),
            software: SOFTWARE.to_owned(),
        },
        lens: shot.lens.as_ref().map(|lens| Lens {
            make: lens.make.clone(),
            model: lens.model.clone(),
            focal_length_mm: Some(lens.focal_length_mm.into()),
            maximum_aperture: Some(lens.maximum_aperture.into()),
            // The ring has no wire.
            aperture: None,
        }),
        shot: moment(shot),
        sequence: None,
        opcodes: corrections(facts, shot, [width, height]),
    }
}

fn moment(shot: &Shot) -> negative::Shot {
    negative::Shot {
        taken_ns: taken_ns(shot) as i64,
        exposure_us: shot.exposure,
        iso: shot.gain.map(|gain| (ISO_OF_GAIN_1 * gain).round() as u32),
        place: shot.place.map(|place| negative::Place {
            latitude: place.latitude,
            longitude: place.longitude,
            altitude_m: place.altitude_m,
        }),
    }
}

/// Nanoseconds since 1970, UTC.
fn taken_ns(shot: &Shot) -> u64 {
    let since = shot.taken.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as u64
}

/// Rate and time code: the frame's number since midnight, UTC.
fn sequence(shot: &Shot, metadata: &Values) -> Sequence {
    let duration = number(metadata, "FrameDuration").filter(|duration| *duration > 0.0);
    let frame_rate = MICROSECONDS / duration.unwrap_or(USUAL_FRAME);
    let of_day = (taken_ns(shot) % DAY_NS) as f64 / 1e9;
    Sequence {
        frame_rate,
        frame: (of_day * frame_rate.ceil()) as u64,
    }
}

fn noise(sensor: Option<&Sensor>, bits: u8, metadata: &Values) -> Option<[Noise; 3]> {
    let gain = number(metadata, "AnalogueGain").unwrap_or(1.0);
    Some([sensor?.noise(gain, bits); 3])
}

fn white(bits: u8) -> u16 {
    u16::MAX >> (LEVEL_BITS - bits)
}

/// Level of black of the first two rows and columns: libcamera's, or else the sensor's.
fn black(frame: &Frame<'_>, sensor: Option<&Sensor>, metadata: &Values) -> [f64; 4] {
    let told = metadata.get("SensorBlackLevels").and_then(Value::as_array);
    let told: Option<Vec<f64>> = told.and_then(|levels| levels.iter().map(Value::as_f64).collect());
    let told: Option<[f64; 4]> = told.and_then(|levels| levels.try_into().ok());
    let Some([red, green_of_red, green_of_blue, blue]) = told else {
        return [sensor.map_or(0.0, |sensor| sensor.black(frame.bits)); 4];
    };
    let levels = match frame.layout.format.pattern {
        Pattern::Rggb => [red, green_of_red, green_of_blue, blue],
        Pattern::Grbg => [green_of_red, red, blue, green_of_blue],
        Pattern::Gbrg => [green_of_blue, blue, red, green_of_red],
        Pattern::Bggr => [blue, green_of_blue, green_of_red, red],
    };
    levels.map(|level| level / f64::from(1u32 << (LEVEL_BITS - frame.bits)))
}

/// What a neutral object's colours are: by the white balance that libcamera found, or else by its temperature.
fn neutral(sensor: Option<&Sensor>, metadata: &Values) -> [f64; 3] {
    let gain = |index: usize| metadata.get("ColourGains")?.get(index)?.as_f64();
    let neutral = match (gain(0), gain(1), sensor) {
        (Some(red), Some(blue), _) if red > 0.0 && blue > 0.0 => [1.0 / red, 1.0, 1.0 / blue],
        (_, _, Some(sensor)) => {
            sensor.neutral(number(metadata, "ColourTemperature").unwrap_or(DAYLIGHT))
        }
        _ => [1.0; 3],
    };
    let largest = neutral.into_iter().fold(0.0, f64::max);
    neutral.map(|level| level / largest)
}

/// Where nothing is known of the light, in kelvin.
const DAYLIGHT: f64 = 5500.0;

/// What the lens's profile says is to be corrected.
fn corrections(facts: &Facts, shot: &Shot, size: [usize; 2]) -> [Vec<Opcode>; 3] {
    let (Some(lens), Some(geometry)) = (&shot.lens, facts.geometry(size)) else {
        return Default::default();
    };
    let known = |coefficients: &[f64; 3]| coefficients.iter().any(|it| *it != 0.0);
    let of_light =
        known(&lens.vignetting).then(|| lens_opcodes::vignetting(lens.vignetting, &geometry));
    let of_places =
        known(&lens.distortion).then(|| lens_opcodes::distortion(lens.distortion, &geometry));
    [
        Vec::new(),
        of_light.into_iter().collect(),
        of_places.into_iter().collect(),
    ]
}

/// The frame to be looked at, in half its size.
fn picture(frame: &Frame<'_>, negative: &Negative) -> Result<Preview, String> {
    let rendering = colour::rendering(&negative.colour, WhiteBalance::AsShot);
    let rendering = rendering.map_err(|error| error.to_string())?;
    let (width, height) = (frame.layout.width / 2, frame.layout.height / 2);
    let mut pixels = vec![0; 3 * width * height];
    let mut preview = preview::Preview::new(&negative.raw, rendering.gains, &rendering.matrix, 0.0);
    preview.rows(&frame.mosaic(), 0..height, &mut pixels);
    let side = |length| u16::try_from(length).map_err(|_| format!("{length} pixels are too many"));
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, PREVIEW_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let encoded = encoder.encode(&pixels, side(width)?, side(height)?, ColorType::Rgb);
    encoded.map_err(|error| format!("JPEG: {error}"))?;
    Ok(Preview {
        jpeg,
        width,
        height,
    })
}

fn number(metadata: &Values, name: &str) -> Option<f64> {
    metadata.get(name).and_then(Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::super::raw::Format;
    use super::*;
    use bayonet_imaging::dng::read::read;
    use serde_json::json;
    use std::time::Duration;

    const JPEG: wire::Compression = wire::Compression::LosslessJpeg;
    const XL: wire::Compression = wire::Compression::JpegXl;
    const LAYOUT: [usize; 2] = [64, 48];

    fn layout(code: &[u8; 4]) -> Layout {
        let [width, height] = LAYOUT;
        Layout {
            format: Format::named(u32::from_le_bytes(*code), 0).unwrap(),
            width,
            height,
            stride: 2 * width,
        }
    }

    fn facts() -> Facts {
        Facts {
            model: "imx283".to_owned(),
            array: Some([5472, 3648]),
            pitch_um: Some(2.4),
            area: None,
        }
    }

    fn shot() -> Shot {
        Shot {
            model: "imx283".to_owned(),
            taken: UNIX_EPOCH + Duration::from_millis(1_795_379_693_020),
            exposure: Some(16_667),
            gain: Some(2.5),
            lens: Some(Arc::new(LensTags {
                make: "Leica".to_owned(),
                model: "Summilux-M 1:1.4/50".to_owned(),
                focal_length_mm: 51.6,
                maximum_aperture: 1.4,
                vignetting: [-0.3, 0.07, -0.01],
                distortion: [0.02, 0.0, 0.0],
            })),
            place: Some(wire::Place {
                latitude: 50.55,
                longitude: -8.5,
                altitude_m: None,
            }),
        }
    }

    fn metadata() -> Values {
        let all = json!({
            "SensorBlackLevels": [3200, 3216, 3232, 3248],
            "ColourGains": [2.0, 1.6],
            "AnalogueGain": 2.5,
        });
        serde_json::from_value(all).unwrap()
    }

    fn samples(bits: u8) -> Vec<u16> {
        let most = u32::from(white(bits)) + 1;
        (0..3072u32).map(|at| (at * 37 % most) as u16).collect()
    }

    #[test]
    fn a_dng_has_the_samples_and_what_is_known_of_them() {
        let samples = samples(12);
        let frame = Frame {
            layout: layout(b"BYR2"),
            bits: 12,
            samples: &samples,
        };
        let file = dng(&frame, &facts(), JPEG, &shot(), &metadata()).unwrap();
        let (negative, found) = read(&file).unwrap();
        assert_eq!(found, samples);
        assert_eq!(negative.raw.pattern, Pattern::Bggr);
        assert_eq!(negative.raw.black, [203.0, 202.0, 201.0, 200.0]);
        assert_eq!(negative.raw.white, 4095);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        let neutral = negative.colour.as_shot_neutral;
        assert!(near(neutral[0], 0.5) && near(neutral[1], 1.0) && near(neutral[2], 0.625));
        assert_eq!(negative.colour.calibrations.len(), 2);
        assert_eq!(negative.shot.exposure_us, Some(16_667));
        assert_eq!(negative.shot.iso, Some(250));
        assert_eq!(negative.camera.unique_model, "Bayonet imx283");
        let place = negative.shot.place.unwrap();
        assert!(near(place.latitude, 50.55) && near(place.longitude, -8.5));
        let lens = negative.lens.unwrap();
        assert_eq!(lens.model, "Summilux-M 1:1.4/50");
        let [_, light, places] = &negative.opcodes;
        assert!(matches!(light[..], [Opcode::FixVignetteRadial { .. }]));
        assert!(matches!(places[..], [Opcode::WarpRectilinear { .. }]));
    }

    #[test]
    fn frames_of_a_sequence_differ_in_what_changes() {
        let samples = samples(12);
        let frame = Frame {
            layout: layout(b"RGB6"),
            bits: 12,
            samples: &samples,
        };
        let mut writer = Writer::new(facts(), XL);
        let mut file = Vec::new();
        let mut metadata = metadata();
        metadata.insert("FrameDuration".to_owned(), 40_000.into());
        writer.write(&frame, &shot(), &metadata, &mut file).unwrap();
        let (first, _) = read(&file).unwrap();
        // 20:34:53.020 at 25 frames a second.
        let number = ((20 * 60 + 34) * 60 + 53) * 25;
        let sequence = first.sequence.unwrap();
        assert_eq!((sequence.frame_rate, sequence.frame), (25.0, number));
        metadata.insert("ColourGains".to_owned(), json!([1.0, 2.0]));
        let later = Shot {
            taken: shot().taken + Duration::from_millis(80),
            exposure: Some(8000),
            ..shot()
        };
        writer.write(&frame, &later, &metadata, &mut file).unwrap();
        let (second, found) = read(&file).unwrap();
        assert_eq!(found, samples);
        assert_eq!(second.shot.exposure_us, Some(8000));
        assert_eq!(second.colour.as_shot_neutral, [1.0, 1.0, 0.5]);
        assert_eq!(second.sequence.unwrap().frame, number + 2);
        assert_eq!(second.lens, first.lens);
        let other = Shot {
            lens: None,
            ..later
        };
        writer.write(&frame, &other, &metadata, &mut file).unwrap();
        let (third, _) = read(&file).unwrap();
        assert_eq!((third.lens, &third.opcodes[2][..]), (None, &[][..]));
    }

    #[test]
    fn an_unknown_sensor_without_a_lens_makes_a_dng_too() {
        let samples = samples(10);
        let frame = Frame {
            layout: layout(b"RG10"),
            bits: 10,
            samples: &samples,
        };
        let facts = Facts {
            model: "imx999".to_owned(),
            array: None,
            pitch_um: None,
            area: None,
        };
        let shot = Shot {
            lens: None,
            ..shot()
        };
        let file = dng(&frame, &facts, XL, &shot, &Values::new()).unwrap();
        let (negative, found) = read(&file).unwrap();
        assert_eq!(found, samples);
        assert_eq!(negative.raw.black, [0.0; 4]);
        assert_eq!(negative.colour.calibrations.len(), 1);
        assert_eq!(negative.opcodes, [vec![], vec![], vec![]]);
    }

    #[test]
    fn a_mode_that_reads_a_part_has_the_axis_where_it_is() {
        let facts = Facts {
            area: Some([1000.0, 500.0, 2736.0, 1824.0]),
            ..facts()
        };
        let geometry = facts.geometry([1368, 912]).unwrap();
        assert_eq!(geometry.pitch_um, 4.8);
        let [x, y] = geometry.axis;
        assert!((x - 1736.0 / 2736.0).abs() < 1e-9 && (y - 1324.0 / 1824.0).abs() < 1e-9);
    }

    #[test]
    fn facts_are_read_from_capabilities() {
        let properties =
            json!({ "UnitCellSize": [2400, 2400], "ScalerCropMaximum": [8, 6, 5456, 3636] });
        let capabilities = Capabilities {
            model: "imx283".to_owned(),
            pixel_array: Some([5472, 3648]),
            properties: serde_json::from_value(properties).unwrap(),
            ..Capabilities::default()
        };
        let expected = Facts {
            area: Some([8.0, 6.0, 5456.0, 3636.0]),
            ..facts()
        };
        assert_eq!(Facts::of(&capabilities), expected);
    }
}
