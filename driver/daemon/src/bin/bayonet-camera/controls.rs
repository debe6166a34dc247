//! libcamera's controls, properties and metadata as JSON, and back.

use bayonet_daemon::report::{Capabilities, ControlLimits, Values};
use libcamera::camera::Camera;
use libcamera::control::{ControlInfoMap, ControlList, PropertyList};
use libcamera::control_value::{ControlType, ControlValue};
use libcamera::controls::ControlId;
use libcamera::geometry::{Point, Rectangle, Size};
use libcamera::properties::{self, PropertyId};
use serde_json::{Value, json};

/// What a camera can do, before it is configured.
pub(super) fn capabilities(camera: &Camera<'_>) -> Capabilities {
    let properties = camera.properties();
    let size = properties.get::<properties::PixelArraySize>();
    let area = properties.get::<properties::PixelArrayActiveAreas>().ok();
    let area = area.and_then(|areas| areas.first().copied());
    Capabilities {
        model: model(properties),
        pixel_array: match area {
            Some(area) => Some([area.width, area.height]),
            None => size.ok().map(|size| [size.width, size.height]),
        },
        controls: known(camera.controls())
            .map(|(id, info)| {
                let limits = ControlLimits {
                    kind: kind(&id.control_type()).to_owned(),
                    elements: elements(id),
                    minimum: to_json(&info.min()),
                    maximum: to_json(&info.max()),
                    default: to_json(&info.def()),
                    values: info.values().iter().map(to_json).collect(),
                };
                (id.name(), limits)
            })
            .collect(),
        properties: properties
            .into_iter()
            .filter_map(|(id, value)| Some((PropertyId::try_from(id).ok()?, value)))
            .map(|(id, value)| (id.name(), to_json(&value)))
            .collect(),
    }
}

/// Sensor model.
pub(super) fn model(properties: &PropertyList) -> String {
    let model = properties.get::<properties::Model>();
    model.map_or_else(|_| String::new(), |model| model.0)
}

/// What libcamera says of a frame.
pub(super) fn metadata(list: &ControlList) -> Values {
    list.into_iter()
        .filter_map(|(id, value)| Some((ControlId::try_from(id).ok()?, value)))
        .map(|(id, value)| (id.name(), to_json(&value)))
        .collect()
}

/// Sets controls; what the camera does not have, or cannot take, is told in the log and left out.
pub(super) fn set(list: &mut ControlList, values: &Values, camera: &Camera<'_>) {
    for (name, value) in values {
        let found = known(camera.controls()).find(|(id, _)| id.name() == *name);
        let Some((id, info)) = found else {
            log::warn!("the camera has no control {name}");
            continue;
        };
        let value = match value {
            Value::Null => Ok(info.def()),
            value => from_json(id, value),
        };
        // Setting a value never fails.
        let set = value.map(|value| list.set_raw(id.into(), value));
        if let Err(reason) = set {
            log::warn!("{name} cannot be set: {reason}");
        }
    }
}

/// The controls that this program knows.
fn known(
    controls: &ControlInfoMap,
) -> impl Iterator<Item = (ControlId, &libcamera::control::ControlInfo)> {
    let all = controls.into_iter();
    all.filter_map(|(id, info)| Some((ControlId::try_from(id).ok()?, info)))
}

fn kind(kind: &ControlType) -> &'static str {
    match kind {
        ControlType::None => "none",
        ControlType::Bool => "bool",
        ControlType::Byte => "byte",
        ControlType::Uint16 => "uint16",
        ControlType::Uint32 => "uint32",
        ControlType::Int32 => "int32",
        ControlType::Int64 => "int64",
        ControlType::Float => "float",
        ControlType::String => "string",
        ControlType::Rectangle => "rectangle",
        ControlType::Size => "size",
        ControlType::Point => "point",
    }
}

/// 1 for a scalar, 0 for an array of any length.
fn elements(id: ControlId) -> u32 {
    match id.is_array() {
        // libcamera's length of what has no fixed one is the largest there is.
        true => u32::try_from(id.size()).unwrap_or(0),
        false => 1,
    }
}

fn to_json(value: &ControlValue) -> Value {
    fn shaped<T>(items: &[T], each: impl Fn(&T) -> Value) -> Value {
        match items {
            [one] => each(one),
            many => many.iter().map(each).collect(),
        }
    }
    match value {
        ControlValue::None => Value::Null,
        ControlValue::Bool(items) => shaped(items, |&it| it.into()),
        ControlValue::Byte(items) => shaped(items, |&it| it.into()),
        ControlValue::Uint16(items) => shaped(items, |&it| it.into()),
        ControlValue::Uint32(items) => shaped(items, |&it| it.into()),
        ControlValue::Int32(items) => shaped(items, |&it| it.into()),
        ControlValue::Int64(items) => shaped(items, |&it| it.into()),
        ControlValue::Float(items) => shaped(items, |&it| shortest(it)),
        ControlValue::String(items) => shaped(items, |it| it.as_str().into()),
        ControlValue::Rectangle(items) => {
            shaped(items, |it| json!([it.x, it.y, it.width, it.height]))
        }
        ControlValue::Size(items) => shaped(items, |it| json!([it.width, it.height])),
        ControlValue::Point(items) => shaped(items, |it| json!([it.x, it.y])),
    }
}

/// The shortest decimal number that is this one: 0.1, not 0.10000000149; null where there is none.
fn shortest(value: f32) -> Value {
    value.to_string().parse::<f64>().unwrap_or(f64::NAN).into()
}

/// The value of a control, of the type that libcamera gives it.
fn from_json(id: ControlId, value: &Value) -> Result<ControlValue, String> {
    let items = match (id.is_array(), value) {
        (true, Value::Array(items)) => &items[..],
        (true, _) => return Err("it is an array".to_owned()),
        (false, _) => std::slice::from_ref(value),
    };
    let expected = elements(id) as usize;
    if expected != 0 && items.len() != expected {
        return Err(format!("it has {expected} elements, not {}", items.len()));
    }
    // The libcamera crate makes a scalar of it, which libcamera takes for a mistake in the program.
    if id.is_array() && items.len() == 1 {
        return Err("an array of a single element cannot be handed to libcamera".to_owned());
    }
    let kind = id.control_type();
    let refused = || format!("{value} is no {}", self::kind(&kind));
    let value = match kind {
        ControlType::Bool => all(items, Value::as_bool).map(Into::into),
        ControlType::Byte => all(items, |it| u8::try_from(it.as_u64()?).ok()).map(Into::into),
        ControlType::Uint16 => all(items, |it| u16::try_from(it.as_u64()?).ok()).map(Into::into),
        ControlType::Uint32 => all(items, number).map(Into::into),
        ControlType::Int32 => all(items, |it| i32::try_from(it.as_i64()?).ok()).map(Into::into),
        ControlType::Int64 => all(items, Value::as_i64).map(Into::into),
        ControlType::Float => all(items, |it| Some(it.as_f64()? as f32)).map(Into::into),
        ControlType::String => all(items, |it| it.as_str().map(str::to_owned)).map(Into::into),
        ControlType::Rectangle => all(items, |it| {
            let [x, y, width, height] = it.as_array()?.as_slice() else {
                return None;
            };
            Some(Rectangle {
                x: i32::try_from(x.as_i64()?).ok()?,
                y: i32::try_from(y.as_i64()?).ok()?,
                width: number(width)?,
                height: number(height)?,
            })
        })
        .map(Into::into),
        ControlType::Size => all(items, |it| match it.as_array()?.as_slice() {
            [width, height] => Some(Size::new(number(width)?, number(height)?)),
            _ => None,
        })
        .map(Into::into),
        ControlType::Point => all(items, |it| match it.as_array()?.as_slice() {
            [x, y] => Some(Point {
                x: i32::try_from(x.as_i64()?).ok()?,
                y: i32::try_from(y.as_i64()?).ok()?,
            }),
            _ => None,
        })
        .map(Into::into),
        ControlType::None => None,
    };
    value.ok_or_else(refused)
}

fn number(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

fn all<T>(items: &[Value], each: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    items.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(id: ControlId, value: Value) {
        let read = from_json(id, &value).unwrap_or_else(|reason| panic!("{id:?}: {reason}"));
        assert_eq!(to_json(&read), value, "{id:?}");
    }

    #[test]
    fn values_of_every_shape_come_back() {
        there_and_back(ControlId::AeEnable, json!(true));
        there_and_back(ControlId::ExposureTime, json!(10_000));
        there_and_back(ControlId::AnalogueGain, json!(1.1));
        there_and_back(ControlId::ColourGains, json!([1.5, 2.25]));
        there_and_back(ControlId::FrameDurationLimits, json!([33_333, 1_i64 << 40]));
        there_and_back(ControlId::ScalerCrop, json!([-1, 2, 3, 4]));
        let windows = json!([[0, 0, 10, 10], [5, 5, 10, 10]]);
        there_and_back(ControlId::AfWindows, windows);
    }

    #[test]
    fn values_that_do_not_fit_are_refused_with_a_reason() {
        for (id, value, reason) in [
            (ControlId::AeEnable, json!(1), "1 is no bool"),
            (
                ControlId::ExposureTime,
                json!(3_000_000_000_u64),
                "is no int32",
            ),
            (ControlId::ExposureTime, json!("long"), "is no int32"),
            (ControlId::ColourGains, json!(1.5), "it is an array"),
            (
                ControlId::ColourGains,
                json!([1.5]),
                "it has 2 elements, not 1",
            ),
            (ControlId::ScalerCrop, json!([1, 2, 3]), "is no rectangle"),
            (ControlId::AfWindows, json!([[0, 0, 1, 1]]), "single"),
        ] {
            let refused = from_json(id, &value).unwrap_err();
            assert!(refused.contains(reason), "{id:?}: {refused}");
        }
    }
}
