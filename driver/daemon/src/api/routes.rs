//! Which path does what.

use super::access::Access;
use super::error::Failure;
use super::{Context, body, streams};
use crate::command::Command;
use crate::report::{CameraName, Status};
use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use std::future::Future;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the event loop may take for what it knows.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The description of the API, as it is served.
pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

/// Every path with its methods.
fn routes() -> Vec<(&'static str, MethodRouter<Context>)> {
    vec![
        ("/v1/status", get(status)),
        ("/v1/module", get(module)),
        ("/v1/cameras", get(cameras)),
        ("/v1/cameras/{camera}", get(camera)),
        ("/v1/events", get(events)),
        ("/v1/openapi.json", get(openapi)),
    ]
}

pub(super) fn router(context: Context) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(context)
}

async fn no_route() -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        "there is no such path; GET /v1/openapi.json describes those there are",
    )
}

async fn wrong_method() -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take that method; GET /v1/openapi.json says which it takes",
    )
}

/// Asks the event loop, and waits for its answer.
async fn ask<T>(
    context: &Context,
    limit: Duration,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, Failure> {
    let (answer, answered) = oneshot::channel();
    let asked = async {
        context.commands.send(command(answer)).await.ok()?;
        answered.await.ok()
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(Failure::no_event_loop()),
        Err(_) => Err(Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "bayonetd gave no answer within {} s; its log may say why",
                limit.as_secs()
            ),
        )),
    }
}

async fn current(context: &Context) -> Result<Status, Failure> {
    ask(context, ANSWER_LIMIT, Command::Status).await
}

async fn status(State(context): State<Context>) -> Result<Response, Failure> {
    Ok(body::json(StatusCode::OK, &current(&context).await?))
}

async fn module(State(context): State<Context>) -> Result<Response, Failure> {
    Ok(body::json(StatusCode::OK, &current(&context).await?.module))
}

async fn cameras(State(context): State<Context>) -> Result<Response, Failure> {
    Ok(body::json(
        StatusCode::OK,
        &current(&context).await?.cameras,
    ))
}

async fn camera(State(context): State<Context>, Camera(name): Camera) -> Result<Response, Failure> {
    let cameras = current(&context).await?.cameras;
    let camera = cameras
        .into_iter()
        .find(|camera| camera.name == name)
        .ok_or_else(|| {
            let message = format!(
                "this board has no camera `{}`; GET /v1/cameras lists them",
                name.as_str()
            );
            Failure::new(StatusCode::NOT_FOUND, message)
        })?;
    Ok(body::json(StatusCode::OK, &camera))
}

async fn events(State(context): State<Context>) -> Result<Response, Failure> {
    let (status, news) = ask(&context, ANSWER_LIMIT, Command::Subscribe).await?;
    Ok(streams::events(status, news, context.ending))
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// The camera that a path names.
struct Camera(CameraName);

impl FromRequestParts<Context> for Camera {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, context).await;
        let text =
            text.map_err(|error| Failure::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        CameraName::ALL
            .into_iter()
            .find(|name| name.as_str() == text.0)
            .map(Self)
            .ok_or_else(|| {
                let message = format!(
                    "there is no camera {:?}: cameras are `main` and `mount`",
                    text.0
                );
                Failure::new(StatusCode::NOT_FOUND, message)
            })
    }
}

/// That the client may control.
struct Control;

impl FromRequestParts<Context> for Control {
    type Rejection = Failure;

    fn from_request_parts(
        parts: &mut Parts,
        context: &Context,
    ) -> impl Future<Output = Result<Self, Failure>> {
        let may = parts.extensions.get::<Access>() == Some(&Access::Control);
        let _ = context;
        std::future::ready(if may {
            Ok(Self)
        } else {
            Err(Failure::new(StatusCode::FORBIDDEN, "not allowed"))
        })
    }
}
