//! Orders over Unix sockets: the server of a running board, and a client's one order.
//!
//! A client sends one JSON line per order and gets one JSON line back for each, in turn. Every client has a
//! thread that sleeps until a line comes, so idle clients cost nothing. The guest's orders port is one more
//! client; since programs there may leave half a line behind, empty lines are allowed and not answered.

use super::MachineError;
use super::run_directory::{answers, check_length};
use crate::orders::{Order, Reply};
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longest line in bytes, either way.
const LINE_LIMIT: usize = 64 << 10;
/// More clients than this at once are turned away.
const CLIENT_LIMIT: usize = 64;
const OWNER_ONLY: u32 = 0o600;

/// What carries out an order.
type Handler = Arc<dyn Fn(Order) -> Reply + Send + Sync>;

/// Serves one socket until dropped, which removes it and hangs up on all clients.
pub struct OrderServer {
    path: PathBuf,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    handler: Handler,
    clients: Mutex<HashMap<u64, UnixStream>>,
    ended: AtomicBool,
}

impl OrderServer {
    /// Tells whether orders could be served on `path`.
    ///
    /// # Errors
    /// When the socket is in use, or its path too long.
    pub fn check(path: &Path) -> Result<(), MachineError> {
        check_length(path)?;
        match answers(path) {
            true => Err(MachineError::SocketInUse {
                path: path.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Serves orders on `path` with `handler`, which may be called by several threads at once.
    ///
    /// A socket that nobody answers on is replaced.
    ///
    /// # Errors
    /// When the socket is in use, or cannot be made.
    pub fn start(
        path: &Path,
        handler: impl Fn(Order) -> Reply + Send + Sync + 'static,
    ) -> Result<Self, MachineError> {
        Self::check(path)?;
        let what = || format!("making the socket {}", path.display());
        if fs::symlink_metadata(path).is_ok_and(|metadata| is_socket(&metadata)) {
            fs::remove_file(path).map_err(MachineError::host(what()))?;
        }
        let listener = UnixListener::bind(path).map_err(MachineError::host(what()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))
            .map_err(MachineError::host(what()))?;
        let shared = Arc::new(Shared {
            handler: Arc::new(handler),
            clients: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let copy = Arc::clone(&shared);
        let listener = Some(thread::spawn(move || copy.listen(&listener)));
        Ok(Self {
            path: path.to_owned(),
            shared,
            listener,
        })
    }
}

fn is_socket(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
}

impl Drop for OrderServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it has ended.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(listener) = self.listener.take().filter(|_| woken) {
            let _ = listener.join();
        }
        for client in self.shared.lock().values() {
            let _ = client.shutdown(Shutdown::Both);
        }
        let _ = fs::remove_file(&self.path);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, UnixStream>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, listener: &UnixListener) {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept() else {
                continue;
            };
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            let Ok(copy) = stream.try_clone() else {
                continue;
            };
            let mut clients = self.lock();
            if clients.len() >= CLIENT_LIMIT {
                let _ = answer(
                    &stream,
                    &refused(format!("there are {CLIENT_LIMIT} clients already")),
                );
                continue;
            }
            clients.insert(number, copy);
            drop(clients);
            let shared = Arc::clone(self);
            thread::spawn(move || {
                if let Err(error) = shared.serve(&stream) {
                    log::debug!("a client for orders left: {error}");
                }
                shared.lock().remove(&number);
            });
        }
    }

    fn serve(&self, stream: &UnixStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            match read_line(&mut reader, &mut line)? {
                Line::End => return Ok(()),
                Line::TooLong => {
                    answer(
                        stream,
                        &refused(format!("an order is at most {LINE_LIMIT} bytes")),
                    )?;
                }
                Line::Whole if line.trim_ascii().is_empty() => {}
                Line::Whole => answer(stream, &self.carry_out(&line))?,
            }
        }
    }

    fn carry_out(&self, line: &[u8]) -> Reply {
        match serde_json::from_slice::<Order>(line) {
            Ok(order) => {
                log::info!("order: {order:?}");
                (self.handler)(order)
            }
            Err(error) => refused(format!("not an order: {error}")),
        }
    }
}

fn refused(reason: String) -> Reply {
    Reply::Refused { reason }
}

fn answer(mut stream: &UnixStream, reply: &Reply) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    stream.write_all(&line)
}

enum Line {
    Whole,
    /// More than [`LINE_LIMIT`]; it was read to its end and dropped.
    TooLong,
    End,
}

fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Line> {
    line.clear();
    let mut surplus = false;
    loop {
        let length = reader
            .by_ref()
            .take(LINE_LIMIT as u64 + 1)
            .read_until(b'\n', line)?;
        if length == 0 {
            return Ok(Line::End);
        }
        if line.last() == Some(&b'\n') {
            return Ok(if surplus { Line::TooLong } else { Line::Whole });
        }
        if line.len() <= LINE_LIMIT && !surplus {
            // The stream ended without a newline: half an order is none.
            return Ok(Line::End);
        }
        surplus = true;
        line.clear();
    }
}

/// Gives one order to the board that serves `path`.
///
/// # Errors
/// When nobody answers there, or the answer does not come in time.
pub fn give_order(path: &Path, order: &Order, timeout: Duration) -> Result<Reply, MachineError> {
    let what = || format!("giving an order at {}", path.display());
    let mut stream = UnixStream::connect(path).map_err(|reason| MachineError::NoBoard {
        path: path.to_owned(),
        reason,
    })?;
    let mut exchange = || {
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut reply = Vec::new();
        match read_line(&mut BufReader::new(&stream), &mut reply)? {
            Line::Whole => Ok(serde_json::from_slice(&reply)?),
            Line::TooLong => Err(std::io::Error::other("the answer is too long")),
            Line::End => Err(std::io::Error::other("the board hung up without an answer")),
        }
    };
    exchange().map_err(MachineError::host(what()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    fn echo(order: Order) -> Reply {
        match order {
            Order::Status => Reply::Status {
                status: serde_json::json!({ "well": true }),
            },
            Order::Focus { metres } => refused(format!("not {metres} m")),
            _ => Reply::Done,
        }
    }

    fn ask(stream: &UnixStream, line: &str) -> String {
        let mut writer = stream;
        writer.write_all(line.as_bytes()).unwrap();
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).unwrap();
        reply
    }

    #[test]
    fn many_clients_are_served_and_nonsense_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders");
        let server = OrderServer::start(&path, echo).unwrap();
        let idle: Vec<_> = (0..10)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        assert_eq!(
            give_order(&path, &Order::Quit, TIMEOUT).unwrap(),
            Reply::Done
        );
        let refusal = give_order(&path, &Order::Focus { metres: 2.0 }, TIMEOUT).unwrap();
        assert_eq!(refusal, refused("not 2 m".into()));
        let client = &idle[3];
        assert!(ask(client, "explode\n").contains("not an order"));
        assert!(ask(client, "\n{\"order\":\"explode\"}\n").contains("unknown variant"));
        let long = format!("{}\n", "x".repeat(3 * LINE_LIMIT));
        assert!(ask(client, &long).contains("at most"), "long line");
        assert!(
            ask(client, "{\"order\":\"status\"}\n").contains("well"),
            "still served"
        );
        drop(server);
        assert!(!path.exists());
        assert_eq!((&idle[0]).read(&mut [0]).unwrap(), 0, "hung up on");
        assert!(give_order(&path, &Order::Quit, TIMEOUT).is_err());
    }

    #[test]
    fn a_socket_in_use_is_left_alone_and_a_stale_one_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders");
        let server = OrderServer::start(&path, echo).unwrap();
        let error = OrderServer::start(&path, echo).err().unwrap();
        assert!(matches!(error, MachineError::SocketInUse { .. }), "{error}");
        drop(server);
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(OrderServer::start(&path, echo).unwrap());
        fs::write(&path, "a file, not a socket").unwrap();
        assert!(OrderServer::start(&path, echo).is_err());
        assert!(path.exists(), "somebody's file is not removed");
    }

    #[test]
    fn too_many_clients_are_turned_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders");
        let _server = OrderServer::start(&path, echo).unwrap();
        let clients: Vec<_> = (0..CLIENT_LIMIT)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        assert!(ask(&clients[CLIENT_LIMIT - 1], "{\"order\":\"quit\"}\n").contains("done"));
        let surplus = UnixStream::connect(&path).unwrap();
        let mut reply = String::new();
        BufReader::new(&surplus).read_line(&mut reply).unwrap();
        assert!(reply.contains("clients already"), "{reply}");
    }
}
