//! `bayonetd` under test: started and ended, asked and watched over its Unix socket.

use crate::process::processes;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Where `ktap-host` puts the programs.
pub(crate) const PROGRAM: &str = "/usr/sbin/bayonetd";
/// The process of a camera, as `/proc/PID/comm` names it.
pub(crate) const CAMERA_PROGRAM: &str = "bayonet-camera";
/// The configuration under test.
pub(crate) const CONFIGURATION: &str = "/run/bayonetd.toml";
const SOCKET: &str = "/run/bayonet/api.sock";
const LOG: &str = "/run/bayonetd.log";
const MEMORY: &str = "/var/lib/bayonet/memory.json";
/// Longest time for anything that takes seconds on an idle machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// What every test's configuration begins with: hands are slower than tests, and the guest's disk is small.
const BASIS: &str = "\
[mount]
flap_limit = 1000
[captures]
minimum_free_mib = 1
";

/// A running `bayonetd`; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts it, forgetting what an earlier one remembered, and waits until it answers and its mount is at rest.
    pub(crate) fn start() -> Result<Self> {
        let _ = fs::remove_file(MEMORY);
        Self::start_with(BASIS)
    }

    /// Starts it with this configuration and what an earlier one remembered; waits until it answers.
    pub(crate) fn start_with(configuration: &str) -> Result<Self> {
        fs::write(CONFIGURATION, configuration).context(CONFIGURATION)?;
        let log = File::options().append(true).create(true).open(LOG)?;
        let child = Command::new(PROGRAM)
            .args(["--config", CONFIGURATION])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {PROGRAM}"))?;
        let mut daemon = Self { child };
        let start = Instant::now();
        while request("GET", "/v1/status", None).is_err() {
            if let Some(status) = daemon.child.try_wait()? {
                bail!("bayonetd ended at its start: {status}: {}", last_words());
            }
            ensure!(start.elapsed() < LIMIT, "bayonetd does not answer");
            thread::sleep(POLL);
        }
        daemon.at_rest()?;
        Ok(daemon)
    }

    /// Starts it again after it was killed, as systemd would: with what it remembers.
    pub(crate) fn restart() -> Result<Self> {
        Self::start_with(BASIS)
    }

    /// Waits until the module has come to rest.
    fn at_rest(&self) -> Result<()> {
        self.wait_status(|status| status["module"]["state"] != "detecting")
            .map(drop)
    }

    /// Process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What a path answers; anything but success is an error.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.ask("GET", path, None)
    }

    /// Sends a request that must succeed.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = request(method, path, body)?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        Ok(answer)
    }

    /// Waits until the status is as wanted.
    pub(crate) fn wait_status(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let start = Instant::now();
        loop {
            let status = self.get("/v1/status")?;
            if wanted(&status) {
                return Ok(status);
            }
            ensure!(start.elapsed() < LIMIT, "still {status}");
            thread::sleep(POLL);
        }
    }

    /// One camera's state.
    pub(crate) fn camera(&self, name: &str) -> Result<Value> {
        self.get(&format!("/v1/cameras/{name}"))
    }

    /// Waits until a camera is as wanted.
    pub(crate) fn wait_camera(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let index = usize::from(name == "mount");
        self.wait_status(|status| wanted(&status["cameras"][index]))
            .map(|status| status["cameras"][index].clone())
    }

    /// Waits until the module's state is this.
    pub(crate) fn wait_module(&self, state: &str) -> Result<Value> {
        self.wait_status(|status| status["module"]["state"] == state)
            .map(|status| status["module"].clone())
    }

    /// Events from now on; the first one tells how things are.
    pub(crate) fn events(&self) -> Result<Stream> {
        Stream::open("/v1/events")
    }

    /// Asks for a camera's frames, which keeps the camera running.
    pub(crate) fn frames(&self, camera: &str) -> Result<Stream> {
        Stream::open(&format!("/v1/cameras/{camera}/frames"))
    }

    /// Looks at a camera: the number of the newest frame that is not this one, and its JPEG.
    pub(crate) fn view(&self, camera: &str, seen: Option<u64>) -> Result<(u64, Vec<u8>)> {
        let query = seen.map(|seen| format!("?after={seen}"));
        let path = format!("/v1/cameras/{camera}/view{}", query.unwrap_or_default());
        let start = Instant::now();
        loop {
            let mut answer = Vec::new();
            send("GET", &path, None)?
                .read_to_end(&mut answer)
                .context("the view")?;
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
            let jpeg = answer.split_off(end.context("the answer was cut")? + 4);
            let head = String::from_utf8_lossy(&answer);
            if head.starts_with("HTTP/1.1 200 ") {
                let frame = head
                    .lines()
                    .find_map(|line| line.strip_prefix("bayonet-frame: "));
                let frame: Value = serde_json::from_str(frame.context("a view of no frame")?)?;
                let sequence = frame["sequence"].as_u64().context("a frame of no number")?;
                return Ok((sequence, jpeg));
            }
            let text = String::from_utf8_lossy(&jpeg);
            ensure!(
                head.starts_with("HTTP/1.1 204 "),
                "GET {path}: {head}{text}"
            );
            ensure!(start.elapsed() < LIMIT, "there is nothing to be seen");
        }
    }

    /// Ends it as systemd does; how long that took.
    pub(crate) fn terminate(mut self) -> Result<(ExitStatus, Duration)> {
        let start = Instant::now();
        signal("TERM", self.pid())?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, start.elapsed()));
            }
            ensure!(start.elapsed() < LIMIT, "bayonetd does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill -9")?;
        self.child.wait().context("waiting for bayonetd")?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Most have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by name.
pub(crate) fn signal(name: &str, pid: u32) -> Result<()> {
    let status = Command::new("busybox")
        .args(["kill", &format!("-{name}"), &pid.to_string()])
        .status()
        .context("busybox kill")?;
    ensure!(status.success(), "kill -{name} {pid}: {status}");
    Ok(())
}

/// Waits until no camera's process is left.
pub(crate) fn wait_no_camera_process() -> Result<()> {
    let start = Instant::now();
    while !processes(CAMERA_PROGRAM).is_empty() {
        ensure!(start.elapsed() < LIMIT, "a {CAMERA_PROGRAM} stays behind");
        thread::sleep(POLL);
    }
    Ok(())
}

/// The end of the log.
pub(crate) fn last_words() -> String {
    let log = fs::read_to_string(LOG).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}

/// One request on a connection of its own: status and JSON of the answer, null where it has none.
pub(crate) fn request(method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
    let mut connection = send(method, path, body)?;
    let status = head(&mut connection)?;
    let mut text = String::new();
    connection.read_to_string(&mut text).context("the answer")?;
    let value = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).with_context(|| format!("{method} {path} answers {text}"))?
    };
    Ok((status, value))
}

fn send(method: &str, path: &str, body: Option<Value>) -> Result<BufReader<UnixStream>> {
    let mut connection = UnixStream::connect(SOCKET).context(SOCKET)?;
    connection.set_read_timeout(Some(LIMIT))?;
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: bayonet\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).context("asking")?;
    Ok(BufReader::new(connection))
}

/// Reads the answer's head; its status.
fn head(connection: &mut BufReader<UnixStream>) -> Result<u16> {
    let mut status = None;
    for line in connection.by_ref().lines() {
        let line = line.context("the answer's head")?;
        if line.is_empty() {
            return status.context("an answer without a status");
        }
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        }
    }
    bail!("the answer was cut");
}

/// A stream of events (server-sent events in chunked encoding). Closed when dropped.
pub(crate) struct Stream {
    events: Receiver<(Instant, Value)>,
    connection: UnixStream,
}

impl Stream {
    fn open(path: &str) -> Result<Self> {
        let mut reader = send("GET", path, None)?;
        let status = head(&mut reader)?;
        if status != 200 {
            let mut text = String::new();
            reader.read_to_string(&mut text)?;
            bail!("GET {path}: {status} {text}");
        }
        let connection = reader.get_ref().try_clone()?;
        connection.set_read_timeout(None)?;
        let (sender, events) = channel();
        thread::spawn(move || {
            let mut text = Vec::new();
            while let Ok(Some(chunk)) = chunk(&mut reader) {
                text.extend(chunk);
                while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                    let event: Vec<u8> = text.drain(..end + 2).collect();
                    if let Some(value) = event_value(&event)
                        && sender.send((Instant::now(), value)).is_err()
                    {
                        return;
                    }
                }
            }
        });
        Ok(Self { events, connection })
    }

    /// The next event, and when it came.
    pub(crate) fn next(&self) -> Result<(Instant, Value)> {
        match self.events.recv_timeout(LIMIT) {
            Ok(event) => Ok(event),
            Err(RecvTimeoutError::Timeout) => bail!("no event for {} s", LIMIT.as_secs()),
            Err(RecvTimeoutError::Disconnected) => bail!("the stream of events has ended"),
        }
    }

    /// The first event that is as wanted, and when it came.
    pub(crate) fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Result<(Instant, Value)> {
        let start = Instant::now();
        loop {
            let (moment, event) = self.next()?;
            if wanted(&event) {
                return Ok((moment, event));
            }
            ensure!(
                start.elapsed() < LIMIT,
                "the event does not come; last {event}"
            );
        }
    }

    /// Events that have come and were not looked at.
    pub(crate) fn drain(&self) -> Vec<Value> {
        self.events.try_iter().map(|(_, event)| event).collect()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Ends the reader; the other end may be gone.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

fn chunk(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let length = usize::from_str_radix(line.trim(), 16).context("a chunk's length")?;
    let mut bytes = vec![0; length + 2];
    reader.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok((length > 0).then_some(bytes))
}

fn event_value(event: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(event).ok()?;
    let data = text.lines().find_map(|line| line.strip_prefix("data:"))?;
    serde_json::from_str(data.trim()).ok()
}
