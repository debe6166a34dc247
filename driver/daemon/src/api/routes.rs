//! Which path does what.

use super::error::Failure;
use super::{Context, cameras, lenses, page, pictures, recordings, status, views};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};

/// The description of the API, as it is served.
pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

/// Every path of the API with its methods.
fn routes() -> Vec<(&'static str, MethodRouter<Context>)> {
    vec![
        ("/v1/status", get(status::status)),
        ("/v1/events", get(status::events)),
        ("/v1/module", get(status::module)),
        ("/v1/module/lens", put(lenses::assign).delete(lenses::clear)),
        ("/v1/cameras", get(cameras::list)),
        ("/v1/cameras/{camera}", get(cameras::show)),
        (
            "/v1/cameras/{camera}/capabilities",
            get(cameras::capabilities),
        ),
        (
            "/v1/cameras/{camera}/controls",
            get(cameras::controls).patch(cameras::set_controls),
        ),
        ("/v1/cameras/{camera}/frames", get(cameras::frames)),
        ("/v1/cameras/{camera}/view", get(views::view)),
        ("/v1/captures", get(pictures::list).post(pictures::take)),
        (
            "/v1/captures/{file}",
            get(pictures::download).delete(pictures::remove),
        ),
        (
            "/v1/recordings",
            get(recordings::list).post(recordings::start),
        ),
        (
            "/v1/recordings/{name}",
            get(recordings::show).delete(recordings::remove),
        ),
        ("/v1/recordings/{name}/stop", post(recordings::stop)),
        ("/v1/lenses", get(lenses::list)),
        ("/v1/lenses/{name}", get(lenses::show)),
        ("/v1/openapi.json", get(openapi)),
    ]
}

pub(super) fn router(context: Context) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes().into_iter().chain(page::routes()) {
        router = router.route(path, methods);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(context)
}

async fn no_route() -> Failure {
    let message = "there is no such path; GET /v1/openapi.json describes those there are";
    Failure::new(StatusCode::NOT_FOUND, message)
}

async fn wrong_method() -> Failure {
    let message = "this path does not take that method; GET /v1/openapi.json says which it takes";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

#[cfg(test)]
mod tests;
