//! `lens`: the lens on the mount, and lens profiles.

use super::text;
use crate::arguments::Lens;
use crate::output::{Output, Tone, word};
use crate::server::Server;
use bayonet_daemon::api::LensProfile;
use bayonet_daemon::report::Module;
use hyper::Method;
use serde_json::json;

const ASSIGNED: &str = "/v1/module/lens";

pub(crate) async fn lens(server: &Server, order: &Lens, output: &Output) -> anyhow::Result<()> {
    match order {
        Lens::List => list(&server.get::<Vec<LensProfile>>("/v1/lenses").await?, output),
        Lens::Show { name: Some(name) } => {
            let path = format!("/v1/lenses/{}", percent_encoded(name));
            profile(&server.get::<LensProfile>(&path).await?, output)
        }
        Lens::Show { name: None } => mounted(&server.get("/v1/module").await?, output),
        Lens::Set { name } => {
            let body = json!({ "profile": name });
            mounted(
                &server.send(Method::PUT, ASSIGNED, Some(&body)).await?,
                output,
            )
        }
        Lens::Clear => {
            let module = server.send(Method::DELETE, ASSIGNED, None::<&()>).await?;
            mounted(&module, output)
        }
    }
}

fn mounted(module: &Module, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return Ok(output.value(&module.lens)?);
    }
    let state = word(&module.lens.state);
    let row = vec![
        (Tone::of(&state), state),
        (Tone::Plain, text::lens(&module.lens)),
    ];
    Ok(output.table(&[row])?)
}

fn list(profiles: &[LensProfile], output: &Output) -> anyhow::Result<()> {
    if output.json {
        return Ok(output.value(&profiles)?);
    }
    let title = |text: &str| (Tone::Title, text.to_string());
    let mut rows = vec![["PROFILE", "LENS", "MM", "F/", "CODES"].map(title).to_vec()];
    rows.extend(profiles.iter().map(|profile| {
        let number =
            |number: Option<f64>| number.map_or_else(|| "-".into(), |number| number.to_string());
        let cells = [
            profile.name.clone(),
            profile.model.clone(),
            number(profile.focal_length_mm),
            number(profile.maximum_aperture),
            codes(profile),
        ];
        cells.map(|text| (Tone::Plain, text)).to_vec()
    }));
    Ok(output.table(&rows)?)
}

fn profile(profile: &LensProfile, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return Ok(output.value(&profile)?);
    }
    let numbers = |numbers: [f64; 3]| numbers.map(|number| number.to_string()).join(", ");
    let mut facts = vec![
        ("profile", profile.name.clone()),
        ("make", profile.make.clone()),
        ("model", profile.model.clone()),
    ];
    facts.extend(
        profile
            .focal_length_mm
            .map(|length| ("focal length", format!("{length} mm"))),
    );
    facts.extend(
        profile
            .maximum_aperture
            .map(|aperture| ("aperture", format!("f/{aperture}"))),
    );
    facts.extend([
        ("codes", codes(profile)),
        ("vignetting", numbers(profile.vignetting)),
        ("distortion", numbers(profile.distortion)),
        (
            "measured",
            if profile.generic {
                "no, generic"
            } else {
                "yes"
            }
            .into(),
        ),
        ("source", profile.source.clone()),
    ]);
    let rows: Vec<_> = facts
        .into_iter()
        .map(|(name, fact)| vec![(Tone::Quiet, name.to_string()), (Tone::Plain, fact)])
        .collect();
    Ok(output.table(&rows)?)
}

/// Codes as the table of 6-bit codes writes them: code, or code/frame.
fn codes(profile: &LensProfile) -> String {
    let codes = profile.codes.iter().map(|code| match code.frame {
        Some(frame) => format!("{}/{frame}", code.code),
        None => code.code.to_string(),
    });
    let codes: Vec<_> = codes.collect();
    if codes.is_empty() {
        "-".into()
    } else {
        codes.join(" ")
    }
}

/// A name as a part of a path (RFC 3986, 2.1).
fn percent_encoded(name: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    name.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_for_a_path() {
        assert_eq!(percent_encoded("a-1.4_x"), "a-1.4_x");
        assert_eq!(percent_encoded("../ü?"), "..%2F%C3%BC%3F");
    }
}
