//! Whether a control exists and a value is in its range, by what libcamera says of the camera.

use crate::report::{Capabilities, ControlLimits, Values};
use serde_json::Value;

/// Puts `changes` over `held`, where `null` takes a control back to its default. All or nothing.
///
/// Returns what is to be sent to the camera: the new values, and the defaults of those taken back.
///
/// # Errors
/// For people: which control is wrong, why, and what would be right.
pub(crate) fn apply(
    held: &mut Values,
    changes: &Values,
    capabilities: &Capabilities,
) -> Result<Values, String> {
    let mut send = Values::new();
    for (name, value) in changes {
        let limits = capabilities
            .controls
            .get(name)
            .ok_or_else(|| unknown(name, capabilities))?;
        let value = if value.is_null() {
            &limits.default
        } else {
            check(name, value, limits)?;
            value
        };
        send.insert(name.clone(), value.clone());
    }
    for (name, value) in changes {
        if value.is_null() {
            held.remove(name);
        } else {
            held.insert(name.clone(), value.clone());
        }
    }
    // A control without a default (an array) cannot be sent back; it ends with the stream.
    send.retain(|_, value| !value.is_null());
    Ok(send)
}

fn unknown(name: &str, capabilities: &Capabilities) -> String {
    let same = |known: &&String| known.eq_ignore_ascii_case(name);
    match capabilities.controls.keys().find(same) {
        Some(known) => format!("there is no control {name}; it is written {known}"),
        None => {
            let known: Vec<&str> = capabilities.controls.keys().map(String::as_str).collect();
            let known = known.join(", ");
            format!("this camera has no control {name}; it has {known}")
        }
    }
}

fn check(name: &str, value: &Value, limits: &ControlLimits) -> Result<(), String> {
    let elements = match (value, limits.kind.as_str()) {
        (Value::Array(elements), "rectangle" | "size" | "point") => {
            let expected = match limits.kind.as_str() {
                "rectangle" => 4,
                _ => 2,
            };
            if elements.len() != expected || !elements.iter().all(Value::is_i64) {
                return Err(format!(
                    "{name} takes {expected} whole numbers, not {value}"
                ));
            }
            return Ok(());
        }
        (Value::Array(elements), _) if limits.elements != 1 => {
            if limits.elements != 0 && elements.len() != limits.elements as usize {
                let count = limits.elements;
                return Err(format!(
                    "{name} takes {count} values, not {}",
                    elements.len()
                ));
            }
            elements.as_slice()
        }
        (value, _) if limits.elements == 1 => std::slice::from_ref(value),
        _ => return Err(format!("{name} takes an array, not {value}")),
    };
    elements
        .iter()
        .try_for_each(|element| check_scalar(name, element, limits))
}

fn check_scalar(name: &str, value: &Value, limits: &ControlLimits) -> Result<(), String> {
    let kind = limits.kind.as_str();
    let fits = match kind {
        "bool" => value.is_boolean(),
        "float" => value.is_number(),
        "string" => value.is_string(),
        "byte" | "uint16" | "uint32" | "int32" | "int64" => value.is_i64(),
        _ => {
            return Err(format!(
                "{name} is of type {kind}, which cannot be set here"
            ));
        }
    };
    if !fits {
        return Err(format!("{name} is of type {kind}; {value} is not"));
    }
    if !limits.values.is_empty() && !limits.values.contains(value) {
        let values = Value::from(limits.values.clone());
        return Err(format!("{name} is one of {values}, not {value}"));
    }
    if let Some(number) = value.as_f64() {
        let below = limits.minimum.as_f64().is_some_and(|least| number < least);
        let above = limits.maximum.as_f64().is_some_and(|most| number > most);
        if below || above {
            let (least, most) = (&limits.minimum, &limits.maximum);
            return Err(format!("{name} is {least} to {most}, not {value}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn camera() -> Capabilities {
        let control = |kind: &str, elements, minimum: Value, maximum: Value, default: Value| {
            let (kind, values) = (kind.to_owned(), Vec::new());
            ControlLimits {
                kind,
                elements,
                minimum,
                maximum,
                default,
                values,
            }
        };
        let mut mode = control("int32", 1, json!(0), json!(2), json!(0));
        mode.values = vec![json!(0), json!(2)];
        let controls = [
            (
                "AeEnable",
                control("bool", 1, json!(false), json!(true), json!(true)),
            ),
            (
                "ExposureTime",
                control("int32", 1, json!(10), json!(1000), json!(100)),
            ),
            (
                "ColourGains",
                control("float", 2, json!(0.0), json!(32.0), json!(null)),
            ),
            (
                "ScalerCrop",
                control("rectangle", 1, json!(null), json!(null), json!(null)),
            ),
            ("AwbMode", mode),
        ];
        Capabilities {
            controls: controls
                .into_iter()
                .map(|(name, limits)| (name.to_owned(), limits))
                .collect(),
            ..Capabilities::default()
        }
    }

    fn values(value: Value) -> Values {
        serde_json::from_value(value).expect("an object")
    }

    #[test]
    fn good_values_are_held_and_sent() {
        let mut held = Values::new();
        let changes = values(json!({
            "AeEnable": false, "ExposureTime": 1000, "ColourGains": [1.5, 2], "ScalerCrop": [0, 0, 64, 64]
        }));
        assert_eq!(apply(&mut held, &changes, &camera()), Ok(changes.clone()));
        assert_eq!(held, changes);
    }

    #[test]
    fn null_takes_a_control_back_to_its_default() {
        let mut held =
            values(json!({"ExposureTime": 500, "AeEnable": false, "ColourGains": [1, 1]}));
        let changes = values(json!({"ExposureTime": null, "ColourGains": null}));
        let sent = apply(&mut held, &changes, &camera());
        assert_eq!(sent, Ok(values(json!({"ExposureTime": 100}))));
        assert_eq!(held, values(json!({"AeEnable": false})));
    }

    #[test]
    fn one_wrong_value_changes_nothing() {
        for (wrong, words) in [
            (
                json!({"Exposure": 1}),
                "no control Exposure; it has AeEnable",
            ),
            (json!({"exposuretime": 1}), "written ExposureTime"),
            (json!({"ExposureTime": 9}), "10 to 1000, not 9"),
            (json!({"ExposureTime": 1001}), "10 to 1000"),
            (json!({"ExposureTime": 20.5}), "of type int32"),
            (json!({"ExposureTime": [20]}), "of type int32"),
            (json!({"AeEnable": 1}), "of type bool"),
            (json!({"ColourGains": [1.0]}), "takes 2 values"),
            (json!({"ColourGains": 1.0}), "takes an array"),
            (json!({"ColourGains": [1.0, 33.0]}), "0.0 to 32.0"),
            (json!({"ScalerCrop": [0, 0, 64]}), "4 whole numbers"),
            (json!({"AwbMode": 1}), "one of [0,2]"),
        ] {
            let mut changes = values(wrong.clone());
            changes.insert("AeEnable".to_owned(), json!(true));
            changes.extend(values(wrong));
            let mut held = Values::new();
            let error = apply(&mut held, &changes, &camera()).expect_err(words);
            assert!(error.contains(words), "{error}");
            assert!(held.is_empty());
        }
    }
}
