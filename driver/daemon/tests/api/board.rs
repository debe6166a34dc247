//! A server over real sockets, with the event loop of the tests behind it.

use crate::event_loop::EventLoop;
use bayonet_core::lens::{Library, Profile};
use bayonet_daemon::api::{Error, Server, Settings};
use bayonet_daemon::captures::Store;
use bayonet_daemon::client::{self, Client};
use bayonet_daemon::config;
use bayonet_daemon::recordings;
use hyper::Method;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far longer than anything here takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// The token over TCP.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct Board {
    pub(crate) event_loop: EventLoop,
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) recordings: recordings::Store,
    pub(crate) socket: PathBuf,
    pub(crate) tcp: SocketAddr,
    pub(crate) directory: TempDir,
    pub(crate) shutdown: oneshot::Sender<()>,
    pub(crate) server: JoinHandle<()>,
}

/// A profile that does not depend on those that come with the program.
const PROFILE: &str = r#"
name = "test-50-f2"
make = "Test"
model = "Test 50 mm f/2"
focal_length_mm = 50
maximum_aperture = 2
codes = [{ code = 33 }, { code = 34, frame = 3 }]
vignetting = [-0.2, 0.05, 0]
distortion = [0.01, 0, 0]
generic = true
source = "made up"
"#;

pub(crate) fn api(directory: &TempDir) -> config::Api {
    config::Api {
        socket: directory.path().join("run/api.sock"),
        control_group: "no-such-group".into(),
        tcp: Some(config::Tcp {
            address: "127.0.0.1:0".parse().unwrap(),
            token: config::Token::Text(TOKEN.into()),
        }),
    }
}

pub(crate) fn settings(directory: &TempDir) -> Settings {
    let mut lenses = Library::built_in();
    lenses.add(Profile::parse(PROFILE).unwrap());
    Settings {
        captures: Store::open(&directory.path().join("captures"), 0).unwrap(),
        recordings: recordings::Store::new(&directory.path().join("recordings"), 0, 16 << 20),
        quality: 90,
        lenses: Arc::new(lenses),
    }
}

impl Board {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::start_in(directory).await.unwrap()
    }

    pub(crate) async fn start_in(directory: TempDir) -> Result<Self, Error> {
        let server = Server::bind(&api(&directory)).await?;
        let settings = settings(&directory);
        let store = settings.captures.clone();
        let recordings = settings.recordings.clone();
        let (event_loop, commands) = EventLoop::start(store.clone());
        let (shutdown, ended) = oneshot::channel::<()>();
        Ok(Self {
            event_loop,
            client: Client::unix(&server.socket()),
            store,
            recordings,
            socket: server.socket(),
            tcp: server.tcp_address().expect("TCP is configured"),
            directory,
            shutdown,
            server: tokio::spawn(server.serve(settings, commands, async move {
                let _ = ended.await;
            })),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.client
            .get(path, LIMIT)
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<Value, client::Error> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.json(method, path, Some(&body), LIMIT).await
    }

    /// The refusal that a request must meet: its status and its message.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        match self.send(method, path, body).await {
            Err(client::Error::Refused {
                status, message, ..
            }) => (status, message),
            other => panic!("{method} {path} must be refused: {other:?}"),
        }
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the server closes");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request with these headers and this body, after which the server closes.
    pub(crate) async fn request(&self, line: &str, headers: &str, body: &[u8]) -> String {
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }
}

/// Waits until something holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .expect("it holds in the end");
}
