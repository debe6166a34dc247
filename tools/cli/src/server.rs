//! `bayonetd` as the commands see it: where it is, and how long its answers may take.

use crate::arguments::Connection;
use anyhow::Context;
use bayonet_daemon::client::{Client, Error, EventStream};
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::time::Duration;

/// For an answer that may need a camera's process to start, or a picture to settle: longer than `bayonetd` itself
/// waits, so that its own reason comes first.
const LIMIT: Duration = Duration::from_secs(110);

pub(crate) struct Server {
    pub(crate) client: Client,
}

impl Server {
    pub(crate) fn new(connection: &Connection) -> anyhow::Result<Self> {
        let client = match (&connection.url, &connection.token_file) {
            (Some(url), file) => {
                let token = file.as_ref().map(|path| {
                    fs::read_to_string(path)
                        .map(|text| text.trim().to_string())
                        .with_context(|| format!("cannot read the token from {}", path.display()))
                });
                Client::tcp(url, token.transpose()?)?
            }
            (None, None) => Client::unix(&connection.socket),
            (None, Some(_)) => {
                anyhow::bail!("--token-file is for --url; the socket needs no token")
            }
        };
        Ok(Self { client })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.client.get(path, LIMIT).await
    }

    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Error> {
        self.client.json(method, path, body, LIMIT).await
    }

    /// A picture's bytes, or nothing of something that was removed.
    pub(crate) async fn bytes(&self, method: Method, path: &str) -> Result<Vec<u8>, Error> {
        self.client
            .bytes(method, path, None::<&()>, LIMIT)
            .await
            .map(Into::into)
    }

    pub(crate) async fn events(&self) -> Result<EventStream, Error> {
        self.client.stream("/v1/events", LIMIT).await
    }
}
