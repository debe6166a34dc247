//! The socket between libcamera and a worker: messages of two datagrams each. What is in them it does not know.
//!
//! The first datagram tells how long the second is and how many descriptors come with it. libcamera does not wait for
//! room in the socket, so either datagram may be missing; then the next message is found again.
//!
//! A socket of datagrams does not tell that the other side has gone. So each wait ends after [`PATIENCE`], and then
//! it is seen whether the process that made the socket still lives.
//!
//! Source: libcamera 0.7.1, `src/libcamera/ipc_unixsocket.cpp`.

use crate::wire::outbox::{MESSAGES, Outbox};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    MMsgHdr, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendFlags, recv, recvmsg, sendmmsg,
};
use rustix::process::{PidfdFlags, pidfd_open};
use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::slice;
use std::thread;
use std::time::Duration;

/// How long it takes to notice that the other side has gone.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long a call waits that failed for want of memory.
const PAUSE: Duration = Duration::from_millis(10);
/// Bytes of the longest message that is taken. A request's controls and a sensor's map are a few KiB.
pub const LIMIT: usize = 64 * 1024;
/// Bytes of a message's first datagram: a length of 32 bits, a number of descriptors, three bytes of padding.
const HEADER: usize = 8;
/// Descriptors that are taken; more than any message has.
const DESCRIPTORS: usize = 4;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first datagram is none.
    #[error("{length} bytes in place of a header of {HEADER}")]
    Header {
        /// Bytes it has.
        length: usize,
    },
    /// The message is longer than any can be.
    #[error("{length} bytes, {LIMIT} is the most")]
    TooLong {
        /// Bytes it has.
        length: usize,
    },
    /// The second datagram is of another message.
    #[error("{announced} bytes announced, {length} came")]
    Length {
        /// Bytes it should have.
        announced: usize,
        /// Bytes it has.
        length: usize,
    },
    /// Descriptors are missing, or there are more.
    #[error("{announced} descriptors announced, {count} came")]
    Descriptors {
        /// Descriptors that should come.
        announced: usize,
        /// Descriptors that came and could be taken.
        count: usize,
    },
}

/// Why there are no more messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The process at the other side ended, or closed the socket.
    #[error("the other side has gone")]
    Gone,
    /// A system call failed.
    #[error("{call}: {errno}")]
    Call {
        /// The system call.
        call: &'static str,
        /// Why.
        errno: Errno,
    },
}

impl End {
    fn of(call: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| match errno {
            Errno::CONNREFUSED | Errno::CONNRESET | Errno::NOTCONN | Errno::PIPE => Self::Gone,
            errno => Self::Call { call, errno },
        }
    }
}

/// A message.
#[derive(Debug)]
pub struct Received<'a> {
    /// Its bytes, as many as came.
    pub bytes: &'a [u8],
    /// What came with it, or what is wrong.
    pub descriptors: Result<Vec<OwnedFd>, Fault>,
}

/// How many bytes came into the buffer, and the descriptors with them.
type Came = (usize, Result<Vec<OwnedFd>, Fault>);

#[derive(Clone, Copy)]
struct Header {
    length: usize,
    descriptors: usize,
}

impl Header {
    fn read([a, b, c, d, descriptors, ..]: [u8; HEADER]) -> Self {
        Self {
            length: u32::from_ne_bytes([a, b, c, d]) as usize,
            descriptors: descriptors.into(),
        }
    }

    fn write(self) -> [u8; HEADER] {
        let [a, b, c, d] = (self.length as u32).to_ne_bytes();
        [a, b, c, d, self.descriptors as u8, 0, 0, 0]
    }
}

/// One side of the socket.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// The process that made the socket, or why it is not known.
    peer: Result<OwnedFd, Errno>,
    buffer: Box<[u8]>,
    /// A first datagram that came where a second one was expected.
    ahead: Option<[u8; HEADER]>,
}

impl Channel {
    /// Takes one side of a socket. It will wait in the calls that send and receive.
    pub fn new(socket: OwnedFd) -> Result<Self, End> {
        let flags = fcntl_getfl(&socket).map_err(End::of("F_GETFL"))?;
        fcntl_setfl(&socket, flags - OFlags::NONBLOCK).map_err(End::of("F_SETFL"))?;
        for way in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, way, Some(PATIENCE)).map_err(End::of("setsockopt"))?;
        }
        let peer = socket_peercred(&socket).map_err(End::of("SO_PEERCRED"))?;
        Ok(Self {
            peer: pidfd_open(peer.pid, PidfdFlags::empty()),
            socket,
            buffer: vec![0; LIMIT].into(),
            ahead: None,
        })
    }

    /// Waits for the next message.
    pub fn receive(&mut self) -> Result<Received<'_>, End> {
        let (length, descriptors) = self.next()?;
        Ok(Received {
            bytes: &self.buffer[..length],
            descriptors,
        })
    }

    fn next(&mut self) -> Result<Came, End> {
        loop {
            let header = match self.ahead.take() {
                Some(header) => header,
                None => {
                    let mut header = [0; HEADER];
                    let length = self.wait("recv", |channel| {
                        // The length of the whole datagram, however much of it there is room for.
                        recv(&channel.socket, &mut header[..], RecvFlags::TRUNC)
                            .map(|(_, length)| length)
                    })?;
                    if length != HEADER {
                        return Ok((0, Err(Fault::Header { length })));
                    }
                    header
                }
            };
            if let Some(message) = self.second(Header::read(header))? {
                return Ok(message);
            }
        }
    }

    /// Receives the second datagram; nothing if it is a first one.
    fn second(&mut self, header: Header) -> Result<Option<Came>, End> {
        let mut descriptors = Vec::new();
        let (length, flags) = self.wait("recvmsg", |channel| {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut channel.buffer)];
            let received = recvmsg(
                &channel.socket,
                &mut parts,
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            )?;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    descriptors.extend(rights);
                }
            }
            Ok((received.bytes, received.flags))
        })?;
        if length != header.length
            && let Ok(ahead) = <[u8; HEADER]>::try_from(&self.buffer[..length])
        {
            log::error!("a message of {} bytes is missing", header.length);
            self.ahead = Some(ahead);
            return Ok(None);
        }
        let fault = if header.length > LIMIT || flags.contains(ReturnFlags::TRUNC) {
            Fault::TooLong {
                length: header.length.max(length),
            }
        } else if length != header.length {
            Fault::Length {
                announced: header.length,
                length,
            }
        } else if descriptors.len() != header.descriptors {
            Fault::Descriptors {
                announced: header.descriptors,
                count: descriptors.len(),
            }
        } else {
            return Ok(Some((length, Ok(descriptors))));
        };
        Ok(Some((length, Err(fault))))
    }

    /// Repeats a system call that may wait until it is done or nobody is there any more.
    fn wait<T>(
        &mut self,
        name: &'static str,
        mut call: impl FnMut(&mut Self) -> Result<T, Errno>,
    ) -> Result<T, End> {
        loop {
            match call(self) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) if self.is_alone() => {
                    return Err(End::Gone);
                }
                Err(Errno::AGAIN) => {}
                // The kernel is short of memory, which passes.
                Err(Errno::NOBUFS | Errno::NOMEM) => thread::sleep(PAUSE),
                done => return done.map_err(End::of(name)),
            }
        }
    }

    /// Whether the process that made the socket has ended.
    pub fn is_alone(&self) -> bool {
        match &self.peer {
            Ok(process) => {
                let mut ended = [PollFd::new(process, PollFlags::IN)];
                poll(&mut ended, Some(&Timespec::default())).is_ok_and(|count| count > 0)
            }
            Err(errno) => *errno == Errno::SRCH,
        }
    }

    /// Sends messages, all with one call if there is room in the socket. A message that was begun is ended: without
    /// its second datagram libcamera would take everything after it for something else.
    pub fn send(&mut self, outbox: &Outbox) -> Result<(), End> {
        if outbox.messages().len() == 0 {
            return Ok(());
        }
        let mut headers = [[0; HEADER]; MESSAGES];
        for (header, message) in headers.iter_mut().zip(outbox.messages()) {
            *header = Header {
                length: message.len(),
                descriptors: 0,
            }
            .write();
        }
        let mut parts = [IoSlice::new(&[]); 2 * MESSAGES];
        let (pairs, _) = parts.as_chunks_mut::<2>();
        for (pair, (header, message)) in pairs.iter_mut().zip(headers.iter().zip(outbox.messages()))
        {
            *pair = [IoSlice::new(header), IoSlice::new(message)];
        }
        let mut controls: [_; 2 * MESSAGES] = array::from_fn(|_| SendAncillaryBuffer::default());
        let mut parts = parts.iter();
        let mut datagrams = controls
            .each_mut()
            .map(|control| MMsgHdr::new(parts.next().map_or(&[], slice::from_ref), control));
        let mut waiting = &mut datagrams[..2 * outbox.messages().len()];
        while !waiting.is_empty() {
            let sent = self.wait("sendmmsg", |channel| {
                sendmmsg(&channel.socket, waiting, SendFlags::empty())
            })?;
            waiting = &mut waiting[sent..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    #[test]
    fn a_socket_that_did_not_wait_waits_in_its_calls() {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let pair = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap();
        let channel = Channel::new(pair.0).unwrap();
        let flags = fcntl_getfl(&channel.socket).unwrap();
        assert!(!flags.contains(OFlags::NONBLOCK));
        // The process that made it is this one.
        assert!(!channel.is_alone());
    }
}
