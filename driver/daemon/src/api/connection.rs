//! What one connection may cost: time to send a head, size of a head, time without taking what is sent to it.

use super::access::{Access, Secret};
use super::error::Failure;
use super::page;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, Sleep};

/// Connections at once.
pub const CONNECTION_LIMIT: usize = 64;
/// Of those, how many only clients that may control can have: readers alone cannot lock everybody out.
const RESERVED: usize = 8;
/// From the connection, or from the last answer, to the end of the next request's head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Longest head, in bytes.
const HEAD_SIZE: usize = 16 << 10;
/// Read at once, and kept of an answer that the client does not take yet, in bytes.
const BUFFER_SIZE: usize = 64 << 10;
/// How long a client may take nothing of what is sent to it.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// Told to a client for which there is no place; written without reading what it asks.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    connection: close\r\ncontent-type: application/json\r\ncontent-length: 106\r\n\r\n\
    {\"error\":{\"code\":\"unavailable\",\"message\":\"too many clients are connected; try again when some have left\"}}";

/// Where connections are served.
pub(super) struct Hall {
    places: Arc<Semaphore>,
    router: Router,
    ending: watch::Receiver<bool>,
}

impl Hall {
    pub(super) fn new(router: Router, ending: watch::Receiver<bool>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(CONNECTION_LIMIT)),
            router,
            ending,
        }
    }

    /// Serves a connection if there is a place, or says that there is none.
    pub(super) fn enter<S>(
        &self,
        mut stream: S,
        guard: Guard,
    ) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let reserved = if guard.access == Access::Control {
            0
        } else {
            RESERVED
        };
        let place = if self.places.available_permits() > reserved {
            self.places.clone().try_acquire_owned().ok()
        } else {
            None
        };
        let (router, ending) = (self.router.clone(), self.ending.clone());
        async move {
            match place {
                Some(_place) => serve(stream, guard, router, ending).await,
                // A new socket has room for so little; a client that has left does not matter.
                None => drop(stream.write_all(FULL).now_or_never()),
            }
        }
    }
}

/// Decides about the requests of one connection.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// What the peer may do, where no secret is needed.
    access: Access,
    /// What each request has to present, and may then control.
    secret: Option<Secret>,
}

impl Guard {
    /// Of somebody whom the kernel knows.
    pub(super) fn of_peer(access: Access) -> Self {
        Self {
            access,
            secret: None,
        }
    }

    /// Of somebody who has to present a secret.
    pub(super) fn of_secret(secret: Secret) -> Self {
        Self {
            access: Access::Read,
            secret: Some(secret),
        }
    }

    /// What the client may do with this request, and the secret that it may ask to be compared.
    fn admit<B>(&self, request: &Request<B>) -> Result<(Access, Option<Secret>), Failure> {
        let headers = request.headers();
        if let Some(failure) = foreign(headers) {
            return Err(failure);
        }
        let Some(secret) = &self.secret else {
            return Ok((self.access, None));
        };
        let has_cookie = |value: &HeaderValue| secret.admits_cookie(value.as_bytes());
        let authorization = headers.get(header::AUTHORIZATION);
        let admitted = match authorization {
            Some(value) => secret.admits(value.as_bytes()),
            None => headers.get_all(header::COOKIE).iter().any(has_cookie),
        };
        match authorization {
            _ if admitted => Ok((Access::Control, Some(secret.clone()))),
            _ if page::is_page(request.uri().path()) => Ok((Access::Read, Some(secret.clone()))),
            Some(_) => Err(Failure::wrong_token()),
            None => Err(Failure::new(
                StatusCode::UNAUTHORIZED,
                "over TCP each request needs the header `Authorization: Bearer TOKEN`; the token is in the file \
                 that api.tcp.token_file of bayonetd.toml names",
            )),
        }
    }
}

/// Refuses what a page of another origin asks, in whosever browser.
fn foreign(headers: &HeaderMap) -> Option<Failure> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().unwrap_or_default();
    let schemes = ["http://", "https://"];
    let origin_host = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if origin_host.is_some() && origin_host == host {
        return None;
    }
    let message = format!("pages of other origins are not served; this one is {text:?}");
    Some(Failure::new(StatusCode::FORBIDDEN, message))
}

/// Serves one connection until it ends, or gracefully once `ending` is true.
async fn serve<S>(stream: S, guard: Guard, router: Router, ending: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let admitted = guard.admit(&request);
        let router = router.clone();
        async move {
            match admitted {
                Ok((access, secret)) => {
                    let extensions = request.extensions_mut();
                    extensions.insert(access);
                    secret.map(|secret| extensions.insert(secret));
                    hyper::service::Service::call(&router, request).await
                }
                Err(failure) => Ok::<_, Infallible>(failure.into_response()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(HEAD_SIZE)
        .max_buf_size(BUFFER_SIZE)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = super::ended(ending) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        log::debug!("a client's connection ended: {error}");
    }
}

/// A stream that fails once its other end has taken nothing for [`STALL_LIMIT`].
struct Patient<S> {
    stream: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            stalled: None,
        }
    }

    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let deadline = || Box::pin(tokio::time::sleep_until(Instant::now() + STALL_LIMIT));
        ready!(
            self.stalled
                .get_or_insert_with(deadline)
                .as_mut()
                .poll(context)
        );
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
