//! How things are, once and as they change.

use super::error::Failure;
use super::{ANSWER_LIMIT, Context, ask, body, current, streams};
use crate::command::Command;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

pub(super) async fn status(State(context): State<Context>) -> Result<Response, Failure> {
    Ok(body::json(StatusCode::OK, &current(&context).await?))
}

pub(super) async fn module(State(context): State<Context>) -> Result<Response, Failure> {
    Ok(body::json(StatusCode::OK, &current(&context).await?.module))
}

pub(super) async fn events(State(context): State<Context>) -> Result<Response, Failure> {
    let (status, news) = ask(&context, ANSWER_LIMIT, Command::Subscribe).await?;
    Ok(streams::events(status, news, context.ending))
}
