//! Memory that libcamera's software ISP shares with an IPA: statistics one way, parameters the other.
//!
//! It is read and written by system calls: a mapping would need unsafe code, and could be cut short under us.
//!
//! Source: libcamera 0.7.1, `include/libcamera/internal/software_isp/{swisp_stats,debayer_params}.h`; the same in
//! 0.7.0 and 0.7.2.

use crate::soft::exchange::{HISTOGRAM, Parameters, Statistics};
use rustix::fs::fstat;
use rustix::io::{Errno, pread, pwrite};
use std::os::fd::OwnedFd;

/// Bytes of the statistics: a flag, which is not read, with seven bytes behind it, three sums, the histogram.
pub const STATISTICS: usize = 8 + 3 * 8 + HISTOGRAM * 4;
/// Bytes of the parameters: matrix, black level, gamma, contrast, gains, without gaps.
pub const PARAMETERS: usize = (9 + 3 + 1 + 1 + 3) * 4;

/// Why shared memory cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is of another libcamera, or of something else.
    #[error("shared memory of the {what} is too small: {needed} bytes needed, {size} there")]
    TooSmall {
        /// What is in the memory.
        what: &'static str,
        /// Bytes that are needed.
        needed: usize,
        /// Bytes that there are.
        size: u64,
    },
    /// A system call failed.
    #[error("{call} of the {what}: {errno}")]
    Call {
        /// The system call.
        call: &'static str,
        /// What is in the memory.
        what: &'static str,
        /// Why.
        errno: Errno,
    },
}

/// Both memories.
#[derive(Debug)]
pub struct SharedMemory {
    statistics: OwnedFd,
    parameters: OwnedFd,
}

impl SharedMemory {
    /// Takes what `init` brought, if it is large enough.
    pub fn new(statistics: OwnedFd, parameters: OwnedFd) -> Result<Self, Error> {
        check(&statistics, "statistics", STATISTICS)?;
        check(&parameters, "parameters", PARAMETERS)?;
        Ok(Self {
            statistics,
            parameters,
        })
    }

    /// What the software ISP counted last.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        let mut bytes = [0; STATISTICS];
        let size = pread(&self.statistics, &mut bytes, 0).map_err(|errno| Error::Call {
            call: "pread",
            what: "statistics",
            errno,
        })?;
        whole("statistics", size, STATISTICS)?;
        Ok(decode(&bytes))
    }

    /// Says what the software ISP shall do next.
    pub fn set_parameters(&self, parameters: &Parameters) -> Result<(), Error> {
        let size =
            pwrite(&self.parameters, &encode(parameters), 0).map_err(|errno| Error::Call {
                call: "pwrite",
                what: "parameters",
                errno,
            })?;
        whole("parameters", size, PARAMETERS)
    }
}

fn check(memory: &OwnedFd, what: &'static str, needed: usize) -> Result<(), Error> {
    let stat = fstat(memory).map_err(|errno| Error::Call {
        call: "fstat",
        what,
        errno,
    })?;
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size < needed as u64 {
        return Err(Error::TooSmall { what, needed, size });
    }
    Ok(())
}

fn whole(what: &'static str, size: usize, needed: usize) -> Result<(), Error> {
    if size < needed {
        return Err(Error::TooSmall {
            what,
            needed,
            size: size as u64,
        });
    }
    Ok(())
}

fn decode(bytes: &[u8; STATISTICS]) -> Statistics {
    let mut statistics = Statistics::default();
    let (sums, _) = bytes[8..32].as_chunks();
    for (sum, bytes) in statistics.sums.iter_mut().zip(sums) {
        *sum = u64::from_ne_bytes(*bytes);
    }
    let (bins, _) = bytes[32..].as_chunks();
    for (bin, bytes) in statistics.histogram.iter_mut().zip(bins) {
        *bin = u32::from_ne_bytes(*bytes);
    }
    statistics
}

fn encode(parameters: &Parameters) -> [u8; PARAMETERS] {
    let numbers = parameters
        .matrix
        .iter()
        .chain(&parameters.black_level)
        .chain([&parameters.gamma, &parameters.contrast])
        .chain(&parameters.gains);
    let mut bytes = [0; PARAMETERS];
    let (chunks, _) = bytes.as_chunks_mut();
    for (chunk, number) in chunks.iter_mut().zip(numbers) {
        *chunk = number.to_ne_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    fn memory(size: u64) -> OwnedFd {
        let memory = memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&memory, size).unwrap();
        memory
    }

    #[test]
    fn statistics_stand_where_libcamera_puts_them() {
        let statistics = memory(STATISTICS as u64);
        let shared = SharedMemory::new(statistics.try_clone().unwrap(), memory(68)).unwrap();
        assert_eq!(shared.statistics(), Ok(Statistics::default()));
        pwrite(&statistics, &7u64.to_ne_bytes(), 16).unwrap();
        pwrite(&statistics, &9u32.to_ne_bytes(), 32 + 63 * 4).unwrap();
        let read = shared.statistics().unwrap();
        assert_eq!((STATISTICS, read.sums), (288, [0, 7, 0]));
        assert_eq!((read.histogram[0], read.histogram[63]), (0, 9));
    }

    #[test]
    fn parameters_stand_where_libcamera_looks_for_them() {
        let parameters = memory(PARAMETERS as u64);
        let shared = SharedMemory::new(memory(288), parameters.try_clone().unwrap()).unwrap();
        let written = Parameters {
            matrix: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
            black_level: [9.0, 10.0, 11.0],
            gamma: 12.0,
            contrast: 13.0,
            gains: [14.0, 15.0, 16.0],
        };
        shared.set_parameters(&written).unwrap();
        let mut bytes = [0; 80];
        assert_eq!(pread(&parameters, &mut bytes, 0), Ok(68));
        let (floats, _) = bytes[..68].as_chunks();
        let floats = floats.iter().map(|bytes| f32::from_ne_bytes(*bytes));
        assert!(floats.eq((0..17u8).map(f32::from)));
    }

    #[test]
    fn memory_that_is_too_small_is_refused_and_noticed_later() {
        let refused = SharedMemory::new(memory(287), memory(68)).unwrap_err();
        let text = "shared memory of the statistics is too small: 288 bytes needed, 287 there";
        assert_eq!(refused.to_string(), text);
        assert!(SharedMemory::new(memory(288), memory(67)).is_err());

        let statistics = memory(STATISTICS as u64);
        let shared = SharedMemory::new(statistics.try_clone().unwrap(), memory(68)).unwrap();
        ftruncate(&statistics, 100).unwrap();
        let short = Error::TooSmall {
            what: "statistics",
            needed: STATISTICS,
            size: 100,
        };
        assert_eq!(shared.statistics(), Err(short));
    }
}
