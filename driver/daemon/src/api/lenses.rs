//! The lens on the mount, and the profiles that a lens can have.

use super::error::Failure;
use super::request::Control;
use super::{ANSWER_LIMIT, Context, body, order};
use crate::command::Command;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

pub(super) async fn assign(
    _: Control,
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let profile = body::lens_request(&body::take(&headers, body).await?)?;
    let assign = |answer| Command::AssignLens(Some(profile), answer);
    Ok(body::json(
        StatusCode::OK,
        &order(&context, ANSWER_LIMIT, assign).await?,
    ))
}

pub(super) async fn clear(_: Control, State(context): State<Context>) -> Result<Response, Failure> {
    let clear = |answer| Command::AssignLens(None, answer);
    Ok(body::json(
        StatusCode::OK,
        &order(&context, ANSWER_LIMIT, clear).await?,
    ))
}
