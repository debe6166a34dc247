//! The viewfinder: a page for browsers, whose files are in this program, and the session in which a browser presents
//! the token. Nobody needs a token to load the page; it is of no use without.

use super::Context;
use super::access::{Access, Secret};
use super::body;
use super::error::Failure;
use axum::body::Body;
use axum::extract::{Extension, Path};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

const START: &str = "index.html";
/// Where the other files are.
const FILES_PATH: &str = "/viewfinder/";
const SESSION_PATH: &str = "/session";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// Files by name, with their media types.
macro_rules! files {
    ($($name:literal $media_type:ident),* $(,)?) => {
        &[$(($name, $media_type, include_bytes!(concat!("../../viewfinder/", $name)))),*]
    };
}

const FILES: &[(&str, &str, &[u8])] = files![
    "aids.js" SCRIPT,
    "api.js" SCRIPT,
    "capture.js" SCRIPT,
    "control-model.js" SCRIPT,
    "controls.js" SCRIPT,
    "dom.js" SCRIPT,
    "gallery.js" SCRIPT,
    "icon.svg" IMAGE,
    "index.html" HTML,
    "keys.js" SCRIPT,
    "lens-search.js" SCRIPT,
    "lens.js" SCRIPT,
    "live.js" SCRIPT,
    "login.js" SCRIPT,
    "main.js" SCRIPT,
    "measure.js" SCRIPT,
    "pane.js" SCRIPT,
    "recorder.js" SCRIPT,
    "settings.js" SCRIPT,
    "state.js" SCRIPT,
    "tabs.js" SCRIPT,
    "viewfinder.css" CSS,
    "words.js" SCRIPT,
];

/// What the page may do: nothing of it comes from elsewhere, and no other page shows it.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
/// As long as a browser remembers the token, in seconds: a year.
const REMEMBERED: u32 = 31_536_000;

pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Context>)> {
    vec![
        ("/", get(async || file(START))),
        ("/viewfinder/{file}", get(named)),
        (SESSION_PATH, get(session).post(begin).delete(end)),
    ]
}

/// Whether a path is here, so that no token is needed for it.
pub(super) fn is_page(path: &str) -> bool {
    path == "/" || path == SESSION_PATH || path.starts_with(FILES_PATH)
}

async fn named(Path(name): Path<String>) -> Response {
    file(&name)
}

fn file(name: &str) -> Response {
    let found = FILES.iter().find(|(file, ..)| *file == name);
    let Some((_, media_type, bytes)) = found else {
        let message = "the viewfinder has no such file";
        return Failure::new(StatusCode::NOT_FOUND, message).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *media_type),
        // With the program the files change too.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, *bytes).into_response()
}

/// Whether this browser has to present the token before it is of use.
async fn session(secret: Option<Extension<Secret>>, access: Option<Extension<Access>>) -> Response {
    let controls = access.is_some_and(|Extension(access)| access == Access::Control);
    let required = secret.is_some() && !controls;
    body::json(StatusCode::OK, &serde_json::json!({ "required": required }))
}

/// Presents the token once; the browser has it from then on, and scripts of pages do not see it.
async fn begin(
    secret: Option<Extension<Secret>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let token = body::session_request(&body::take(&headers, body).await?)?;
    // Somebody whom the kernel knows needs none.
    let Some(Extension(secret)) = secret else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    if !secret.is(token.as_bytes()) {
        return Err(Failure::wrong_token());
    }
    Ok(cookie(&secret.cookie(), REMEMBERED))
}

async fn end() -> Response {
    cookie(&Secret::no_cookie(), 0)
}

fn cookie(pair: &str, seconds: u32) -> Response {
    let text = format!("{pair}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    let mut response = StatusCode::NO_CONTENT.into_response();
    let value = HeaderValue::try_from(text);
    let value = value.ok().map(|value| (header::SET_COOKIE, value));
    response.headers_mut().extend(value);
    response
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_page_is_served_and_the_page_is_small() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/viewfinder");
        let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        let there: BTreeSet<String> = files
            .map(|file| file.file_name().into_string().unwrap())
            .collect();
        let served: BTreeSet<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(served, there);
        let bytes: usize = FILES.iter().map(|(_, _, bytes)| bytes.len()).sum();
        assert!(bytes < 300_000, "{bytes} bytes");
    }
}
