//! A client of the API, over the Unix socket or TCP: one request a connection, JSON in and out, streams of events.
//!
//! It is what `bayonet` and the tests speak to `bayonetd` with. It keeps no connections and retries nothing.

pub mod sse;

use crate::api::ErrorBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Where `bayonetd` listens unless it is told otherwise.
pub const SOCKET: &str = "/run/bayonet/api.sock";
/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest body of an answer: a picture, see [`crate::wire::PICTURE_LIMIT`].
const BODY_LIMIT: usize = crate::wire::PICTURE_LIMIT as usize;
/// How long a stream may be silent: three times what the server lets it be.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// Where `bayonetd` is.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    target: Target,
    token: Option<String>,
}

/// Without the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.target).finish()
    }
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Unix socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "http://{address}"),
        }
    }
}

/// Why a request brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens.
    #[error(
        "bayonetd does not run: nobody listens at {target}; start it with: systemctl start bayonetd"
    )]
    NotRunning {
        /// Where it was looked for.
        target: Target,
    },
    /// The socket is not for this user.
    #[error(
        "this user may not connect to {target}; look at the permissions of the socket and its directory"
    )]
    Denied {
        /// Where it was tried.
        target: Target,
    },
    /// The connection broke.
    #[error("the connection to bayonetd at {target} failed: {error}")]
    Connection {
        /// Where it was tried.
        target: Target,
        /// What the system or HTTP says.
        error: String,
    },
    /// It took too long.
    #[error("bayonetd at {target} did not answer within {} s; see: journalctl -u bayonetd", .limit.as_secs())]
    TimedOut {
        /// Where it was tried.
        target: Target,
        /// How long was waited.
        limit: Duration,
    },
    /// `bayonetd` says no.
    #[error("{message}")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// One word, e.g. `not-found`.
        code: String,
        /// What was wrong and what to do.
        message: String,
    },
    /// It answers, but not as `bayonetd` of this version does.
    #[error("{target} does not answer as bayonetd {version} does: {error}; are both of the same version?", version = env!("CARGO_PKG_VERSION"))]
    Foreign {
        /// Where it was tried.
        target: Target,
        /// What was not understood.
        error: String,
    },
    /// The URL cannot be used.
    #[error("{0:?} is no URL that can be used here: it is http://HOST:PORT")]
    Url(String),
}

impl Client {
    /// Over a Unix socket.
    pub fn unix(socket: &Path) -> Self {
        Self {
            target: Target::Unix(socket.into()),
            token: None,
        }
    }

    /// Over TCP, to `http://HOST[:PORT]`, with the token if there is one.
    pub fn tcp(url: &str, token: Option<String>) -> Result<Self, Error> {
        let bad = || Error::Url(url.into());
        let uri: hyper::Uri = url.parse().map_err(|_| bad())?;
        let authority = uri.authority().ok_or_else(bad)?;
        let plain = uri.scheme_str() == Some("http")
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none();
        if !plain || authority.as_str().contains('@') {
            return Err(bad());
        }
        let port = authority.port_u16().ok_or_else(bad)?;
        Ok(Self {
            target: Target::Tcp(format!("{}:{port}", authority.host())),
            token,
        })
    }

    /// Where it connects to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// GET, with JSON as the answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, limit: Duration) -> Result<T, Error> {
        self.json(Method::GET, path, None::<&()>, limit).await
    }

    /// Sends JSON, if any, and takes JSON.
    pub async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        limit: Duration,
    ) -> Result<T, Error> {
        let bytes = self.bytes(method, path, body, limit).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.foreign(error))
    }

    /// Sends JSON, if any, and takes whatever comes.
    pub async fn bytes(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        limit: Duration,
    ) -> Result<Bytes, Error> {
        let exchange = async {
            let (response, _connection) = self.send(method, path, body).await?;
            let body = Limited::new(response.into_body(), BODY_LIMIT)
                .collect()
                .await;
            body.map(|body| body.to_bytes())
                .map_err(|error| self.broken(error))
        };
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(self.timed_out(limit)))
    }

    /// Opens a stream of events; `limit` is for its beginning.
    pub async fn stream(&self, path: &str, limit: Duration) -> Result<EventStream, Error> {
        let opened = tokio::time::timeout(limit, self.send(Method::GET, path, None::<&()>)).await;
        let (response, connection) = opened.unwrap_or_else(|_| Err(self.timed_out(limit)))?;
        Ok(EventStream {
            client: self.clone(),
            body: response.into_body(),
            parser: sse::Parser::default(),
            _connection: connection,
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(Response<Incoming>, Connection), Error> {
        let limit = CONNECT_LIMIT;
        let connected = match &self.target {
            Target::Unix(path) => tokio::time::timeout(limit, UnixStream::connect(path))
                .await
                .map(|stream| stream.map(|stream| Box::new(stream) as Box<dyn Transport>)),
            Target::Tcp(address) => tokio::time::timeout(limit, TcpStream::connect(address))
                .await
                .map(|stream| stream.map(|stream| Box::new(stream) as Box<dyn Transport>)),
        };
        let stream = connected.map_err(|_| self.timed_out(limit))?;
        let stream = stream.map_err(|error| self.not_connected(error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(error))?;
        // Its result comes with the answer as well.
        let connection = Connection(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let host = match &self.target {
            Target::Unix(_) => "localhost",
            Target::Tcp(address) => address,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                serde_json::to_vec(body).map_err(|error| self.broken(error))?
            }
            None => Vec::new(),
        };
        let request = request
            .body(Full::new(Bytes::from(bytes)))
            .map_err(|error| self.broken(error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.broken(error))?;
        if response.status().is_success() {
            Ok((response, connection))
        } else {
            Err(self.refused(response).await)
        }
    }

    async fn refused(&self, response: Response<Incoming>) -> Error {
        let status = response.status();
        let body = match Limited::new(response.into_body(), BODY_LIMIT)
            .collect()
            .await
        {
            Ok(body) => body.to_bytes(),
            Err(error) => return self.broken(error),
        };
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => Error::Refused {
                status: status.as_u16(),
                code: error.code,
                message: error.message,
            },
            Err(_) => self.foreign(StatusCode::to_string(&status)),
        }
    }

    fn not_connected(&self, error: io::Error) -> Error {
        let target = self.target.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Error::NotRunning { target }
            }
            io::ErrorKind::PermissionDenied => Error::Denied { target },
            _ => self.broken(error),
        }
    }

    fn broken(&self, error: impl fmt::Display) -> Error {
        Error::Connection {
            target: self.target.clone(),
            error: error.to_string(),
        }
    }

    fn foreign(&self, error: impl fmt::Display) -> Error {
        Error::Foreign {
            target: self.target.clone(),
            error: error.to_string(),
        }
    }

    fn timed_out(&self, limit: Duration) -> Error {
        Error::TimedOut {
            target: self.target.clone(),
            limit,
        }
    }
}

trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// Drives a connection; ends it when dropped.
#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stream of events. Dropped, it tells the server that nobody reads any more.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    body: Incoming,
    parser: sse::Parser,
    _connection: Connection,
}

impl EventStream {
    /// The next event, or none when the server has ended the stream.
    pub async fn next(&mut self) -> Result<Option<sse::Message>, Error> {
        loop {
            if let Some(message) = self.parser.next_message() {
                return Ok(Some(message));
            }
            let frame = tokio::time::timeout(SILENCE_LIMIT, self.body.frame()).await;
            let frame = frame.map_err(|_| self.client.timed_out(SILENCE_LIMIT))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.client.broken(error)),
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.parser
                            .push(bytes)
                            .map_err(|error| self.client.foreign(error))?;
                    }
                }
            }
        }
    }

    /// The next event's JSON.
    pub async fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let Some(message) = self.next().await? else {
            return Ok(None);
        };
        let value = serde_json::from_str(&message.data);
        value.map(Some).map_err(|error| self.client.foreign(error))
    }
}
