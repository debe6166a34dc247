//! Guest memory as a bus master sees it: copies in and out at bus addresses, with faults.
//!
//! The regions are those QEMU handed over with `VFIO_USER_DMA_MAP`. An access that leaves them is a
//! [`DmaFault`]; the device model reports it once and goes on, as a real bus master's error response would.

use std::fs::File;
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryMmap};

/// An access to an address where no memory is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("DMA fault: {length} bytes at bus address {address:#x} are not guest memory")]
pub struct DmaFault {
    /// First byte of the access.
    pub address: u64,
    /// Length of the access in bytes.
    pub length: usize,
}

/// The guest's memory, cheap to clone.
#[derive(Clone, Default)]
pub struct GuestRam {
    memory: GuestMemoryMmap,
}

/// One range that the machine handed over for direct memory access.
pub struct DmaRegion {
    /// Bus address of the first byte.
    pub address: u64,
    /// Length in bytes.
    pub length: u64,
    /// Where the range begins in `file`.
    pub offset: u64,
    /// The memory file.
    pub file: File,
}

impl GuestRam {
    /// Maps the given ranges, which must not overlap.
    ///
    /// # Errors
    /// The text of the failing map or of the layout error.
    pub fn map(regions: &[DmaRegion]) -> anyhow::Result<Self> {
        let mut ranges = Vec::with_capacity(regions.len());
        for region in regions {
            let file = FileOffset::new(region.file.try_clone()?, region.offset);
            ranges.push((
                GuestAddress(region.address),
                usize::try_from(region.length)?,
                Some(file),
            ));
        }
        ranges.sort_by_key(|range| range.0);
        Ok(Self {
            memory: GuestMemoryMmap::from_ranges_with_files(ranges)?,
        })
    }

    /// Private memory of `length` bytes from `address`, for tests and benchmarks.
    ///
    /// # Errors
    /// The text of the failing map.
    pub fn anonymous(address: u64, length: usize) -> anyhow::Result<Self> {
        Ok(Self {
            memory: GuestMemoryMmap::from_ranges(&[(GuestAddress(address), length)])?,
        })
    }

    /// Fills `data` from `address`.
    ///
    /// # Errors
    /// [`DmaFault`] when any byte lies outside guest memory.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<(), DmaFault> {
        let length = data.len();
        self.memory
            .read_slice(data, GuestAddress(address))
            .map_err(|_| DmaFault { address, length })
    }

    /// Writes `data` at `address`.
    ///
    /// # Errors
    /// [`DmaFault`] when any byte lies outside guest memory.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), DmaFault> {
        let length = data.len();
        self.memory
            .write_slice(data, GuestAddress(address))
            .map_err(|_| DmaFault { address, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_the_access() {
        let ram = GuestRam::anonymous(0x1000, 0x1000).unwrap();
        ram.write(0x1ffc, &[1, 2, 3, 4]).unwrap();
        let mut back = [0; 4];
        ram.read(0x1ffc, &mut back).unwrap();
        assert_eq!(back, [1, 2, 3, 4]);
        let fault = ram.write(0x1ffd, &[0; 4]).unwrap_err();
        assert_eq!((fault.address, fault.length), (0x1ffd, 4));
        assert!(ram.read(0, &mut back).is_err());
    }
}
