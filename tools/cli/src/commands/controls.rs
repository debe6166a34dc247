//! `controls`: shows or sets them.

use crate::arguments::Controls;
use crate::output::{Output, Tone};
use crate::server::Server;
use bayonet_daemon::report::{Capabilities, Values};
use hyper::Method;
use serde_json::{Value, json};

pub(crate) async fn controls(
    server: &Server,
    order: &Controls,
    output: &Output,
) -> anyhow::Result<()> {
    let camera = format!("/v1/cameras/{}", order.camera.name().as_str());
    let path = format!("{camera}/controls");
    if order.settings.is_empty() {
        let capabilities: Capabilities = server.get(&format!("{camera}/capabilities")).await?;
        return show(&capabilities, &server.get(&path).await?, output);
    }
    let settings: Values = order.settings.iter().cloned().collect();
    let set: Values = server.send(Method::PATCH, &path, Some(&settings)).await?;
    if output.json {
        return Ok(output.value(&set)?);
    }
    let rows: Vec<_> = settings
        .keys()
        .map(|name| {
            let value = set
                .get(name)
                .map_or_else(|| "back to its default".into(), Value::to_string);
            vec![(Tone::Plain, name.clone()), (Tone::Plain, value)]
        })
        .collect();
    Ok(output.table(&rows)?)
}

fn show(capabilities: &Capabilities, set: &Values, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return Ok(output.value(&json!({ "controls": set, "limits": capabilities.controls }))?);
    }
    let title = |text: &str| (Tone::Title, text.to_string());
    let mut rows = vec![["CONTROL", "SET", "DEFAULT", "ALLOWED"].map(title).to_vec()];
    for (name, limits) in &capabilities.controls {
        let value = match set.get(name) {
            Some(value) => (Tone::Good, short(value)),
            None => (Tone::Quiet, "-".into()),
        };
        let allowed = if limits.values.is_empty() {
            format!("{} to {}", short(&limits.minimum), short(&limits.maximum))
        } else {
            limits
                .values
                .iter()
                .map(short)
                .collect::<Vec<_>>()
                .join(" ")
        };
        rows.push(vec![
            (Tone::Plain, name.clone()),
            value,
            (Tone::Plain, short(&limits.default)),
            (Tone::Plain, format!("{allowed} ({})", limits.kind)),
        ]);
    }
    Ok(output.table(&rows)?)
}

/// A value without the noise of binary fractions.
fn short(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            // Six digits are what a 32-bit float has.
            format!("{number:.6}")
                .trim_end_matches('0')
                .trim_end_matches('.')
                .into()
        }
        Value::Array(values) => values.iter().map(short).collect::<Vec<_>>().join(","),
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
