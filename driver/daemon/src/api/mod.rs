//! The API: HTTP and JSON over a Unix socket, and over TCP where that is configured.
//!
//! It holds no state of cameras or module. Whatever it is asked becomes a [`Command`] to the event loop, and the
//! answer comes back as JSON; only pictures, recordings and lens profiles it reads itself. Who may do what is in
//! [`access`], what one connection may cost in [`connection`], the paths in [`routes`] and, for clients, in
//! `openapi.json`.
//!
//! Nothing here runs while nobody is connected: there are no intervals but those of a connection.

pub mod access;
pub mod body;
mod cameras;
mod connection;
mod error;
mod lenses;
mod page;
mod pictures;
mod recordings;
mod request;
mod routes;
mod socket;
mod status;
mod streams;
mod views;

pub use connection::CONNECTION_LIMIT;
pub use error::{Error, ErrorBody, ErrorDetail};
pub use lenses::{Code, LensProfile};

use crate::captures::Store;
use crate::command::{Answer, Command};
use crate::config;
use crate::recordings::Store as Recordings;
use crate::report::Status;
use access::{Rights, Secret};
use axum::http::StatusCode;
use bayonet_core::lens::Library;
use connection::{Guard, Hall};
use error::Failure;
use socket::Socket;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// How long the event loop may take for what it knows.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long connections have to end by themselves once the server is told to.
const GRACE: Duration = Duration::from_millis(500);
/// Pause after the system refused to accept a connection, e.g. for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the server reads itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Pictures that were taken.
    pub captures: Store,
    /// Sequences of raw frames.
    pub recordings: Recordings,
    /// JPEG quality where a request names none, `1..=100`.
    pub quality: u8,
    /// Lens profiles: those built in and those of the configured directories.
    pub lenses: Arc<Library>,
}

/// A server whose sockets are there: clients can connect from now on, and are served by [`Server::serve`].
#[derive(Debug)]
pub struct Server {
    unix: UnixListener,
    tcp: Option<(TcpListener, Secret)>,
    rights: Rights,
    // Removes the socket's file when dropped.
    socket: Socket,
}

/// What every request can see.
#[derive(Clone, Debug)]
struct Context {
    commands: mpsc::Sender<Command>,
    captures: Store,
    recordings: Recordings,
    quality: u8,
    lenses: Arc<Library>,
    /// Whose members may control.
    control_group: String,
    /// Becomes true, or closes, when streams have to end.
    ending: watch::Receiver<bool>,
}

/// Somebody who has connected.
enum Accepted {
    Unix(UnixStream),
    Tcp(TcpStream, Secret),
}

impl Server {
    /// Makes the sockets. Fails if another `bayonetd` is alive, and has touched nothing then.
    pub async fn bind(api: &config::Api) -> Result<Self, Error> {
        // First, for its lock: a TCP address that is in use would not tell by whom.
        let (socket, unix) = Socket::bind(&api.socket)?;
        let tcp = match &api.tcp {
            None => None,
            Some(tcp) => {
                let secret = Secret::new(tcp.token.secret()?);
                let listener = TcpListener::bind(tcp.address).await;
                let listener = listener.map_err(|error| Error::Tcp {
                    address: tcp.address,
                    error,
                })?;
                Some((listener, secret))
            }
        };
        Ok(Self {
            unix,
            tcp,
            rights: Rights::of_this_process(&api.control_group),
            socket,
        })
    }

    /// Where the Unix socket is.
    pub fn socket(&self) -> PathBuf {
        self.socket.path().into()
    }

    /// Where TCP clients are served; tells the port when the configuration left it open.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp
            .as_ref()
            .and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Serves until `shutdown` is ready, then ends every stream and connection and removes the socket.
    pub async fn serve(
        self,
        settings: Settings,
        commands: mpsc::Sender<Command>,
        shutdown: impl Future<Output = ()>,
    ) {
        let (end, ending) = watch::channel(false);
        let router = routes::router(Context {
            commands,
            captures: settings.captures,
            recordings: settings.recordings,
            quality: settings.quality,
            lenses: settings.lenses,
            control_group: self.rights.control_group().into(),
            ending: ending.clone(),
        });
        let hall = Hall::new(router, ending);
        let mut connections = JoinSet::new();
        tokio::select! {
            () = shutdown => {}
            () = self.accept(&hall, &mut connections) => {}
        }
        // Nobody connects any more, and the socket's name is free.
        drop(self);
        // Fails if there is no connection to hear it.
        let _ = end.send(true);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all_ended).await.is_err() {
            connections.shutdown().await;
        }
    }

    /// Accepts connections for ever.
    async fn accept(&self, hall: &Hall, connections: &mut JoinSet<()>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.unix.accept() => accepted.map(|(stream, _)| Accepted::Unix(stream)),
                accepted = self.accept_tcp() => accepted,
                // Forgets the connections that have ended.
                Some(_) = connections.join_next() => continue,
            };
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    log::warn!("a client could not be let in: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            match accepted {
                Accepted::Unix(stream) => {
                    let guard = Guard::of_peer(self.rights.of_peer(&stream));
                    connections.spawn(hall.enter(stream, guard));
                }
                Accepted::Tcp(stream, secret) => {
                    connections.spawn(hall.enter(stream, Guard::of_secret(secret)));
                }
            }
        }
    }

    async fn accept_tcp(&self) -> io::Result<Accepted> {
        let Some((listener, secret)) = &self.tcp else {
            return std::future::pending().await;
        };
        let (stream, _) = listener.accept().await?;
        Ok(Accepted::Tcp(stream, secret.clone()))
    }
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
        Err(_) => {
            let seconds = limit.as_secs();
            let message = format!("bayonetd had no answer within {seconds} s; its log may say why");
            Err(Failure::new(StatusCode::GATEWAY_TIMEOUT, message))
        }
    }
}

/// Asks the event loop for something that it may refuse.
async fn order<T>(
    context: &Context,
    limit: Duration,
    command: impl FnOnce(Answer<T>) -> Command,
) -> Result<T, Failure> {
    Ok(ask(context, limit, command).await??)
}

async fn current(context: &Context) -> Result<Status, Failure> {
    ask(context, ANSWER_LIMIT, Command::Status).await
}

/// Waits until the server ends.
async fn ended(mut ending: watch::Receiver<bool>) {
    // An error is as good: whoever could say so is gone.
    let _ = ending.wait_for(|ending| *ending).await;
}
