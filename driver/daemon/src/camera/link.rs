//! The way from and to `bayonetd`: orders on standard input, news on standard output.

use crate::wire::{LINE_LIMIT, News, Order};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// News that may wait for a slow reader; more hold the camera's loop up, and frames with it.
const NEWS_WAITING: usize = 16;

/// Reads orders, one a line, until the input ends, or an order to stop comes, or `take` returns false.
///
/// A line that is no order is told in the log and ignored; so is one longer than [`LINE_LIMIT`].
pub fn read_orders(mut input: impl BufRead, mut take: impl FnMut(Order) -> bool) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut part = input.by_ref().take(LINE_LIMIT as u64);
        match part.read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) if !line.ends_with(b"\n") => {
                log::warn!("an order of more than {LINE_LIMIT} bytes, or cut off, is ignored");
                if !skip_line(&mut input) {
                    return;
                }
            }
            Ok(_) => match serde_json::from_slice(&line) {
                Ok(Order::Stop) => return,
                Ok(order) => {
                    if !take(order) {
                        return;
                    }
                }
                Err(error) => log::warn!("a line that is no order is ignored: {error}"),
            },
            Err(error) => {
                log::warn!("orders cannot be read: {error}");
                return;
            }
        }
    }
}

/// Reads to the end of the line; false where the input ends first.
fn skip_line(input: &mut impl BufRead) -> bool {
    loop {
        let Ok(buffer) = input.fill_buf() else {
            return false;
        };
        let (length, found) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(place) => (place + 1, true),
            None => (buffer.len(), false),
        };
        input.consume(length);
        if found || length == 0 {
            return found;
        }
    }
}

/// Writes news in a thread of its own, so that a large picture holds up no frame.
#[derive(Debug)]
pub struct Reporter {
    sender: SyncSender<(News, Vec<u8>)>,
    thread: JoinHandle<()>,
}

/// The reader of the news is gone.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the news any more")]
pub struct NobodyReads;

impl Reporter {
    /// Starts the thread that writes to `output`, and hands the memory of recorded frames to `written`.
    ///
    /// # Errors
    /// None can be started.
    pub fn start(
        output: impl Write + Send + 'static,
        written: impl Fn(Vec<u8>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(NEWS_WAITING);
        let thread = thread::Builder::new().name("news".into());
        let thread = thread.spawn(move || write_news(output, &receiver, &written))?;
        Ok(Self { sender, thread })
    }

    /// Tells news; waits where the reader is slow.
    ///
    /// # Errors
    /// [`NobodyReads`].
    pub fn tell(&self, news: News) -> Result<(), NobodyReads> {
        self.tell_with(news, Vec::new())
    }

    /// Tells news and sends the bytes that belong to it.
    ///
    /// # Errors
    /// [`NobodyReads`].
    pub fn tell_with(&self, news: News, bytes: Vec<u8>) -> Result<(), NobodyReads> {
        self.sender.send((news, bytes)).map_err(|_| NobodyReads)
    }

    /// Waits until everything told is written.
    pub fn finish(self) {
        drop(self.sender);
        if self.thread.join().is_err() {
            log::error!("the thread that writes news panicked");
        }
    }
}

fn write_news(
    mut output: impl Write,
    news: &Receiver<(News, Vec<u8>)>,
    written: &impl Fn(Vec<u8>),
) {
    for (news, bytes) in news {
        let mut line = match serde_json::to_vec(&news) {
            Ok(line) => line,
            Err(error) => {
                log::error!("{news:?} cannot be written: {error}");
                continue;
            }
        };
        line.push(b'\n');
        let told = output
            .write_all(&line)
            .and_then(|()| output.write_all(&bytes))
            .and_then(|()| output.flush());
        if let Err(error) = told {
            log::warn!("news cannot be written: {error}");
            return;
        }
        if matches!(news, News::Recorded { .. }) {
            written(bytes);
        }
    }
}

/// Kills this process after `limit`: libcamera may never come back from stopping a camera that was pulled out.
///
/// A signal, because an orderly exit runs libcamera's destructors, which may wait for the thread that hangs.
pub fn end_within(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        log::warn!("no orderly end after {} ms: killed", limit.as_millis());
        // It cannot fail: the process is ours.
        let _ = kill(Pid::this(), Signal::SIGKILL);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Frame, Values};
    use proptest::prelude::*;
    use std::io::Cursor;
    use std::sync::{Arc, Mutex};

    fn orders(input: &[u8]) -> Vec<Order> {
        let mut orders = Vec::new();
        read_orders(Cursor::new(input), |order| {
            orders.push(order);
            true
        });
        orders
    }

    fn controls() -> Order {
        let values = Values::from([("Brightness".to_owned(), 0.5.into())]);
        Order::Controls { values }
    }

    fn line(order: &Order) -> Vec<u8> {
        [&serde_json::to_vec(order).unwrap()[..], b"\n"].concat()
    }

    #[test]
    fn lines_that_are_no_orders_are_passed_over() {
        let good = line(&controls());
        let input = [&good[..], b"\n{}\nnonsense\n\xff\n", &good].concat();
        assert_eq!(orders(&input), [controls(), controls()]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = [vec![b' '; 3 * LINE_LIMIT], b"\n".to_vec()].concat();
        let input = [long, line(&controls())].concat();
        assert_eq!(orders(&input), [controls()]);
        assert_eq!(orders(&vec![b' '; LINE_LIMIT]), []);
    }

    #[test]
    fn nothing_is_read_after_the_order_to_stop_or_a_refusal() {
        let input = [line(&Order::Stop), line(&controls())].concat();
        assert_eq!(orders(&input), []);
        let mut taken = 0;
        let twice = [line(&controls()), line(&controls())].concat();
        read_orders(Cursor::new(twice), |_| {
            taken += 1;
            false
        });
        assert_eq!(taken, 1);
    }

    /// An output that can be looked at, and that breaks after so many bytes.
    #[derive(Clone)]
    struct Output(Arc<Mutex<Vec<u8>>>, usize);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut written = self.0.lock().unwrap();
            if written.len() + bytes.len() > self.1 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            written.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn failed(id: u64) -> News {
        let reason = "because".to_owned();
        News::StillFailed { id, reason }
    }

    #[test]
    fn bytes_follow_their_news() {
        let output = Output(Arc::default(), usize::MAX);
        let reporter = Reporter::start(output.clone(), drop).unwrap();
        reporter.tell_with(failed(1), b"picture".to_vec()).unwrap();
        reporter.tell(failed(2)).unwrap();
        reporter.finish();
        let written = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let (first, rest) = written.split_once('\n').unwrap();
        assert_eq!(serde_json::from_str::<News>(first).unwrap(), failed(1));
        let second = rest.strip_prefix("picture").unwrap();
        assert_eq!(serde_json::from_str::<News>(second).unwrap(), failed(2));
    }

    #[test]
    fn memory_of_recorded_frames_comes_back() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let give = move |bytes| sender.send(bytes).unwrap();
        let reporter = Reporter::start(Output(Arc::default(), usize::MAX), give).unwrap();
        let frame = Frame {
            sequence: 0,
            timestamp_ns: 0,
            metadata: Values::new(),
        };
        let recorded = News::Recorded {
            id: 1,
            number: 0,
            bytes: 4,
            frame,
        };
        reporter.tell_with(failed(1), b"other".to_vec()).unwrap();
        reporter.tell_with(recorded, b"file".to_vec()).unwrap();
        reporter.finish();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [b"file"]);
    }

    #[test]
    fn a_reader_that_left_is_noticed() {
        let reporter = Reporter::start(Output(Arc::default(), 0), drop).unwrap();
        let mut told = 0;
        while reporter.tell(failed(1)).is_ok() {
            told += 1;
            assert!(told <= NEWS_WAITING + 1);
        }
        reporter.finish();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let input = [&bytes[..], b"\n", &line(&controls())].concat();
            prop_assert_eq!(orders(&input), [controls()]);
        }
    }
}
