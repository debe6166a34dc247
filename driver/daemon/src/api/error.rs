//! Why the server cannot start, and what a client is told when a request cannot be answered.

use crate::command::Refusal;
use crate::config;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another `bayonetd` serves this socket.
    #[error(
        "{socket} is served by another bayonetd{}; end it first: systemctl stop bayonetd{}",
        .pid.map_or(String::new(), |pid| format!(" (pid {pid})")),
        .pid.map_or(String::new(), |pid| format!(", or kill {pid}")),
        socket = socket.display()
    )]
    Running {
        /// The socket in question.
        socket: PathBuf,
        /// Of the other one, where it said so.
        pid: Option<u32>,
    },
    /// Something else is in the socket's place.
    #[error("{path} is there and is no socket; move it away, or configure another api.socket", path = path.display())]
    InTheWay {
        /// Of what is there.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot {action} {path}: {error}", path = path.display())]
    Socket {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The TCP address cannot be used.
    #[error(
        "cannot listen at {address}: {error}; another address is configured as api.tcp.address"
    )]
    Tcp {
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// There is no usable token.
    #[error(transparent)]
    Token(#[from] config::Error),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

/// The JSON of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// All there is.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// One word for programs, e.g. `not-found`.
    pub code: String,
    /// For people: what was wrong, and what to do.
    pub message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn wrong_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "this is not the token; it is in the file that api.tcp.token_file of bayonetd.toml names",
        )
    }

    pub(super) fn no_event_loop() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "bayonetd is ending; try again when it runs anew",
        )
    }
}

/// A status as one word.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad-request",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not-found",
        StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
        StatusCode::REQUEST_TIMEOUT => "request-timeout",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
        StatusCode::UNPROCESSABLE_ENTITY => "invalid",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        StatusCode::GATEWAY_TIMEOUT => "timed-out",
        StatusCode::INSUFFICIENT_STORAGE => "storage",
        _ => "internal",
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Refusal::Storage(_) => StatusCode::INSUFFICIENT_STORAGE,
        };
        Self::new(status, refusal.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: ErrorDetail {
                code: code(self.status).into(),
                message: self.message,
            },
        };
        let mut response = super::body::json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
