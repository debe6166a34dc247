//! One camera process: started, told, listened to, ended.
//!
//! What it says arrives as [`Output`] in one channel for all cameras, with the number of the process, so that a late
//! word of one that was replaced is told from its successor's. Dropping a [`Process`] kills it.

use crate::command::View;
use crate::recordings::{Inlet, Shot};
use crate::report::{CameraName, Frame};
use crate::wire::{LINE_LIMIT, News, Order, PICTURE_LIMIT};
use log::{debug, warn};
use nix::fcntl::{FcntlArg, fcntl};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

/// How much libcamera logs, unless the environment says otherwise. That the nodes of the other camera are hidden from
/// the process is no error, though libcamera thinks so at every start.
const LIBCAMERA_LOG: (&str, &str) = (
    "LIBCAMERA_LOG_LEVELS",
    "*:WARN,MediaDevice:FATAL,DeviceEnumerator:ERROR",
);
/// Tells libcamera's IPA, which inherits it, whose camera it runs; see `lens_file.rs`.
const CAMERA: &str = "BAYONET_CAMERA";
/// Room in the pipe of a process's news, in bytes, as far as an ordinary user may have it
/// (`/proc/sys/fs/pipe-max-size`): a recorded frame comes in few pieces.
const PIPE_SIZE: nix::libc::c_int = 1 << 20;
/// Read at once of lines, and of a frame for which there is no room, in bytes.
const PIECE: usize = 64 << 10;
/// Orders that may wait for a process that does not read; a healthy one reads at once.
const ORDERS_WAITING: usize = 64;

/// Something a process said or did.
#[derive(Debug)]
pub(crate) struct Output {
    /// Whose.
    pub(crate) camera: CameraName,
    /// Number of the process, as [`Process::number`].
    pub(crate) process: u64,
    /// What.
    pub(crate) word: Word,
}

/// What a process said or did.
#[derive(Debug)]
pub(crate) enum Word {
    /// News but for pictures and recorded frames.
    News(News),
    /// A picture.
    Picture {
        /// Of the order.
        id: u64,
        /// The file.
        bytes: Vec<u8>,
        /// The DNG, where one was wanted.
        raw: Option<Vec<u8>>,
        /// The frame it was made of.
        frame: Frame,
    },
    /// A frame to be looked at.
    View(View),
    /// A recorded frame came, and went to the recording.
    Recorded {
        /// Of the order.
        id: u64,
        /// Of the frame.
        number: u32,
    },
    /// The process has ended; nothing more will come.
    Ended(String),
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    number: u64,
    pid: u32,
    orders: Option<mpsc::Sender<Order>>,
    kill: Option<oneshot::Sender<()>>,
}

impl Process {
    /// Starts `program` with `arguments`; what it says goes to `outputs`, and the frames that it records to `inlet`.
    ///
    /// # Errors
    /// When it cannot be started, e.g. because it is not installed.
    pub(crate) fn spawn(
        camera: CameraName,
        number: u64,
        program: &Path,
        arguments: Vec<OsString>,
        outputs: mpsc::Sender<Output>,
        inlet: Inlet,
    ) -> io::Result<Self> {
        let (variable, levels) = LIBCAMERA_LOG;
        let levels = std::env::var_os(variable).unwrap_or_else(|| levels.into());
        let mut child = Command::new(program)
            .args(arguments)
            .env(variable, levels)
            .env(CAMERA, camera.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let missing = || io::Error::other("the new process has no standard input and output");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        if let Err(problem) = fcntl(&stdout, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE)) {
            debug!("{camera}: its pipe stays small: {problem}");
        }
        let (orders, order_queue) = mpsc::channel(ORDERS_WAITING);
        let (kill, killed) = oneshot::channel();
        let speaker = Speaker {
            camera,
            process: number,
            outputs,
            inlet,
        };
        tokio::spawn(write(camera, stdin, order_queue));
        tokio::spawn(follow(child, stdout, killed, speaker));
        Ok(Self {
            number,
            pid,
            orders: Some(orders),
            kill: Some(kill),
        })
    }

    /// Number that came with [`Process::spawn`].
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Of the kernel.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends an order. One that cannot be sent is lost with a warning: the process hangs or has ended, and its
    /// supervisor will see that.
    pub(crate) fn order(&self, order: Order) {
        let Some(orders) = &self.orders else { return };
        if let Err(error) = orders.try_send(order) {
            warn!("process {}: an order was not taken: {error}", self.pid);
        }
    }

    /// Whether it takes orders: it has not been asked to end.
    pub(crate) fn takes_orders(&self) -> bool {
        self.orders.is_some()
    }

    /// Asks it to end: the order, then the end of its standard input.
    pub(crate) fn stop(&mut self) {
        self.order(Order::Stop);
        self.orders = None;
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // The other end is dropped only when the process has ended.
        if let Some(kill) = self.kill.take() {
            let _ = kill.send(());
        }
    }
}

/// Where a process's words go.
struct Speaker {
    camera: CameraName,
    process: u64,
    outputs: mpsc::Sender<Output>,
    inlet: Inlet,
}

impl Speaker {
    async fn say(&self, word: Word) {
        let (camera, process) = (self.camera, self.process);
        let output = Output {
            camera,
            process,
            word,
        };
        // Without an event loop nobody is left to listen.
        let _ = self.outputs.send(output).await;
    }
}

/// What a recording has to know before the event loop does, so that it stands between the right frames.
impl Speaker {
    fn tell_recording(&self, news: &News) {
        match news {
            News::Recording { id, stream } => {
                if let Some(intake) = self.inlet.recording(*id) {
                    intake.stream(self.camera, stream.clone());
                }
            }
            News::RecordDropped { id, number, frame } => {
                if let Some(intake) = self.inlet.recording(*id) {
                    intake.dropped(&self.shot(*number, frame));
                }
            }
            _ => {}
        }
    }

    fn shot(&self, number: u32, frame: &Frame) -> Shot {
        Shot {
            camera: self.camera,
            number,
            sequence: frame.sequence,
            timestamp_ns: frame.timestamp_ns,
        }
    }
}

/// Writes orders until they end, which closes the process's standard input.
async fn write(camera: CameraName, mut stdin: ChildStdin, mut orders: mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        let mut line = match serde_json::to_vec(&order) {
            Ok(line) => line,
            Err(error) => {
                warn!("{camera}: an order cannot be written: {error}");
                continue;
            }
        };
        line.push(b'\n');
        if stdin.write_all(&line).await.is_err() {
            break;
        }
    }
}

/// Reads a process's news to their end, then its exit status.
async fn follow(
    mut child: Child,
    stdout: ChildStdout,
    killed: oneshot::Receiver<()>,
    speaker: Speaker,
) {
    let reading = read(stdout, &speaker);
    tokio::pin!(reading);
    let problem = tokio::select! {
        problem = &mut reading => problem.err(),
        // Also when the process's owner is gone.
        _ = killed => {
            let _ = child.start_kill();
            reading.await.err()
        }
    };
    if problem.is_some() {
        // What it says cannot be understood any more.
        let _ = child.start_kill();
    }
    let end = match (problem, child.wait().await) {
        (Some(problem), _) => problem.to_string(),
        (None, Ok(status)) => status.to_string(),
        (None, Err(error)) => error.to_string(),
    };
    speaker.say(Word::Ended(end)).await;
}

async fn read(stdout: ChildStdout, speaker: &Speaker) -> io::Result<()> {
    let mut stdout = BufReader::with_capacity(PIECE, stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut stdout).take(LINE_LIMIT as u64);
        if limited.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            return Err(io::Error::other("a line of its news was cut or too long"));
        }
        match serde_json::from_slice(&line) {
            Ok(News::Still {
                id,
                bytes,
                raw_bytes,
                frame,
            }) => {
                let bytes = picture(&mut stdout, bytes).await?;
                let raw = match raw_bytes {
                    0 => None,
                    length => Some(picture(&mut stdout, length).await?),
                };
                let word = Word::Picture {
                    id,
                    bytes,
                    raw,
                    frame,
                };
                speaker.say(word).await;
            }
            Ok(News::View { bytes, frame }) => {
                let jpeg = picture(&mut stdout, bytes).await?.into();
                let frame = frame.into();
                speaker.say(Word::View(View { frame, jpeg })).await;
            }
            Ok(News::Recorded {
                id,
                number,
                bytes,
                frame,
            }) => {
                let shot = speaker.shot(number, &frame);
                recorded(&mut stdout, &speaker.inlet, id, shot, bytes).await?;
                speaker.say(Word::Recorded { id, number }).await;
            }
            Ok(news) => {
                speaker.tell_recording(&news);
                speaker.say(Word::News(news)).await;
            }
            Err(error) => {
                return Err(io::Error::other(format!(
                    "its news were not understood: {error}"
                )));
            }
        }
    }
}

async fn picture(stdout: &mut BufReader<ChildStdout>, length: u64) -> io::Result<Vec<u8>> {
    if length > PICTURE_LIMIT {
        return Err(io::Error::other(format!("a picture of {length} bytes")));
    }
    let mut bytes = Vec::new();
    let read = stdout.take(length).read_to_end(&mut bytes).await?;
    if read as u64 != length {
        return Err(io::Error::other("a picture was cut"));
    }
    Ok(bytes)
}

/// Takes a recorded frame to its recording, or passes over it where there is none, or no room.
async fn recorded(
    stdout: &mut BufReader<ChildStdout>,
    inlet: &Inlet,
    id: u64,
    shot: Shot,
    length: u64,
) -> io::Result<()> {
    if length > PICTURE_LIMIT {
        return Err(io::Error::other(format!(
            "a recorded frame of {length} bytes"
        )));
    }
    let room = inlet
        .recording(id)
        .and_then(|intake| Some((intake.room(&shot, length)?, intake)));
    let Some((mut buffer, intake)) = room else {
        return pass_over(stdout, length).await;
    };
    let read = stdout.take(length).read_to_end(&mut buffer).await;
    if read.as_ref().is_ok_and(|&read| read as u64 == length) {
        intake.try_write(shot, buffer);
        return Ok(());
    }
    intake.cut(&shot, buffer);
    read?;
    Err(io::Error::other("a recorded frame was cut"))
}

async fn pass_over(stdout: &mut BufReader<ChildStdout>, length: u64) -> io::Result<()> {
    let passed = tokio::io::copy_buf(&mut stdout.take(length), &mut tokio::io::sink()).await?;
    if passed != length {
        return Err(io::Error::other("a recorded frame was cut"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
