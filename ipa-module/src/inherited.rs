//! The socket that libcamera leaves open for a worker and names by its number.

use rustix::io::Errno;
use rustix::net::sockopt::{socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::os::fd::OwnedFd;

/// Why an argument names no socket of libcamera's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no number.
    #[error("`{0}` is no number of a descriptor")]
    Number(String),
    /// It is closed.
    #[error("descriptor {0} is not open")]
    Closed(i32),
    /// It is something else.
    #[error("descriptor {0} is not a Unix socket of datagrams")]
    Other(i32),
    /// A system call failed.
    #[error("{call} for descriptor {number}: {errno}")]
    Call {
        /// The system call.
        call: &'static str,
        /// Number of the descriptor.
        number: i32,
        /// Why.
        errno: Errno,
    },
}

/// The socket with the number that this argument says.
///
/// A number owns nothing, so the kernel is asked for a descriptor of its own to the same socket. The inherited one
/// stays open as long as the process does.
pub fn socket(argument: &str) -> Result<OwnedFd, Error> {
    let number = argument
        .parse()
        .ok()
        .filter(|&number: &i32| number >= 0)
        .ok_or_else(|| Error::Number(argument.into()))?;
    let failed = |call| {
        move |errno| Error::Call {
            call,
            number,
            errno,
        }
    };
    let process = pidfd_open(getpid(), PidfdFlags::empty()).map_err(failed("pidfd_open"))?;
    let socket = match pidfd_getfd(process, number, PidfdGetfdFlags::empty()) {
        Err(Errno::BADF) => return Err(Error::Closed(number)),
        got => got.map_err(failed("pidfd_getfd"))?,
    };
    match (socket_domain(&socket), socket_type(&socket)) {
        (Ok(AddressFamily::UNIX), Ok(SocketType::DGRAM)) => Ok(socket),
        _ => Err(Error::Other(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{SocketFlags, recv, send, socketpair};
    use std::os::fd::{AsFd, AsRawFd};

    fn number(descriptor: impl AsFd) -> String {
        descriptor.as_fd().as_raw_fd().to_string()
    }

    #[test]
    fn a_socket_of_datagrams_is_taken_and_nothing_else() {
        let pair =
            |kind| socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
        let (ours, theirs) = pair(SocketType::DGRAM);
        let taken = socket(&number(&theirs)).unwrap();
        send(&ours, b"here", rustix::net::SendFlags::empty()).unwrap();
        let mut bytes = [0; 8];
        let (length, _) = recv(&taken, &mut bytes[..], rustix::net::RecvFlags::empty()).unwrap();
        assert_eq!(&bytes[..length], b"here");

        let (stream, _other) = pair(SocketType::STREAM);
        let raw = stream.as_raw_fd();
        assert_eq!(socket(&number(&stream)).unwrap_err(), Error::Other(raw));
        let file = std::fs::File::open("/dev/null").unwrap();
        let raw = file.as_raw_fd();
        assert_eq!(socket(&number(&file)).unwrap_err(), Error::Other(raw));
        assert_eq!(socket("999999").unwrap_err(), Error::Closed(999_999));
        for text in ["", "-1", "three", "3 ", "99999999999"] {
            assert_eq!(socket(text).unwrap_err(), Error::Number(text.into()));
        }
    }
}
