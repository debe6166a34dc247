//! RP1's bus: a vfio-user PCI endpoint 1de4:0001 with MSI-X, behind which QEMU puts the guest.
//!
//! Configuration space, BARs, the guest's memory map and interrupt events; what the registers mean is
//! [`crate::rp1`]'s business. Source: PCI Local Bus Specification 3.0, chapter 6; vfio-user protocol 0.1.

use crate::guest_ram::{DmaRegion, GuestRam};
use crate::rp1::{Rp1, WINDOW, msix};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_BAR1_REGION_INDEX, VFIO_PCI_BAR2_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

/// Raspberry Pi Ltd.
const VENDOR: u16 = 0x1de4;
/// RP1 C0.
const DEVICE: u16 = 0x0001;
/// Ethernet controller, as RP1 calls itself.
const CLASS: u32 = 0x02_0000;
const REVISION: u8 = 0x20;

/// BAR0 holds the MSI-X table and pending bits, BAR2 the shared SRAM.
const BAR0_LENGTH: u64 = 0x4000;
const BAR2_LENGTH: u64 = 0x1_0000;
const CONFIG_LENGTH: usize = 256;
const PENDING_BITS: u32 = 0x2000;

/// Guest memory comes in pieces of at least this size; smaller mappings are flash and the like.
const SMALLEST_RAM: u64 = 16 << 20;

/// Configuration space registers.
mod config {
    pub(super) const COMMAND: usize = 0x04;
    pub(super) const STATUS: usize = 0x06;
    pub(super) const STATUS_CAPABILITIES: u8 = 1 << 4;
    pub(super) const REVISION: usize = 0x08;
    pub(super) const BARS: std::ops::Range<usize> = 0x10..0x28;
    pub(super) const SUBSYSTEM: usize = 0x2c;
    pub(super) const CAPABILITIES: usize = 0x34;
    pub(super) const INTERRUPT_LINE: usize = 0x3c;
    /// The only capability: MSI-X, with its control word, table and pending bits.
    pub(super) const MSIX: usize = 0x70;
    pub(super) const MSIX_ID: u8 = 0x11;
    pub(super) const MSIX_CONTROL: usize = MSIX + 2;
    pub(super) const MSIX_TABLE: usize = MSIX + 4;
    pub(super) const MSIX_PENDING: usize = MSIX + 8;
}

/// The chip, shared between its bus and the threads that do its work.
pub struct Chip {
    rp1: Mutex<Rp1>,
    job_queued: Condvar,
    ram: Mutex<GuestRam>,
}

impl Chip {
    /// Shares a chip.
    pub fn new(rp1: Rp1) -> Self {
        Self {
            rp1: Mutex::new(rp1),
            job_queued: Condvar::new(),
            ram: Mutex::default(),
        }
    }

    /// The registers.
    pub fn rp1(&self) -> MutexGuard<'_, Rp1> {
        self.rp1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Guest memory as mapped now.
    pub fn ram(&self) -> GuestRam {
        self.ram
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The registers, as soon as a job waits for this back end, or after `timeout`.
    pub fn wait_for_job(&self, back_end: usize, timeout: Duration) -> MutexGuard<'_, Rp1> {
        self.job_queued
            .wait_timeout_while(self.rp1(), timeout, |rp1| !rp1.job_waits(back_end))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

/// The endpoint, listening on a Unix socket.
pub struct Endpoint {
    server: Server,
    chip: Arc<Chip>,
}

impl Endpoint {
    /// Listens on `socket`.
    ///
    /// # Errors
    /// When the socket cannot be created there.
    pub fn listen(socket: &Path, chip: Arc<Chip>) -> anyhow::Result<Self> {
        let server = Server::new(socket, true, interrupts(), regions()).map_err(|error| {
            anyhow::anyhow!(
                "cannot listen for the machine on {}: {error:?}",
                socket.display()
            )
        })?;
        Ok(Self { server, chip })
    }

    /// Serves one machine until it closes the connection.
    ///
    /// # Errors
    /// When the connection breaks in the middle of a message.
    pub fn serve(self) -> anyhow::Result<()> {
        let mut bus = Bus {
            chip: self.chip,
            config: config_space(),
            regions: Vec::new(),
        };
        self.server
            .run(&mut bus)
            .map_err(|error| anyhow::anyhow!("the machine's connection broke: {error:?}"))
    }
}

struct Bus {
    chip: Arc<Chip>,
    config: [u8; CONFIG_LENGTH],
    regions: Vec<DmaRegion>,
}

impl Bus {
    fn remap(&self) -> io::Result<()> {
        let ram = GuestRam::map(&self.regions).map_err(io::Error::other)?;
        *self.chip.ram.lock().unwrap_or_else(PoisonError::into_inner) = ram;
        Ok(())
    }
}

impl ServerBackend for Bus {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let offset = offset as usize;
        match region {
            VFIO_PCI_CONFIG_REGION_INDEX => {
                for (index, byte) in data.iter_mut().enumerate() {
                    *byte = self.config.get(offset + index).copied().unwrap_or(0);
                }
            }
            VFIO_PCI_BAR1_REGION_INDEX => {
                let word = self.chip.rp1().read(offset & !3).to_le_bytes();
                for (index, byte) in data.iter_mut().enumerate() {
                    *byte = word[(offset + index) & 3];
                }
            }
            _ => data.fill(0),
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        match region {
            VFIO_PCI_CONFIG_REGION_INDEX => {
                for (index, byte) in data.iter().enumerate() {
                    if writable(offset + index) {
                        self.config[offset + index] = *byte;
                    }
                }
            }
            VFIO_PCI_BAR1_REGION_INDEX => match data.try_into() {
                Ok(word) => {
                    if self.chip.rp1().write(offset & !3, u32::from_le_bytes(word)) {
                        self.chip.job_queued.notify_all();
                    }
                }
                Err(_) => log::warn!("{}-byte write to a register ignored", data.len()),
            },
            _ => {}
        }
        Ok(())
    }

    fn dma_map(
        &mut self,
        _flags: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        file: Option<File>,
    ) -> io::Result<()> {
        log::debug!(
            "memory {address:#x}..{:#x}, file: {}",
            address + size,
            file.is_some()
        );
        let Some(file) = file.filter(|_| size >= SMALLEST_RAM) else {
            return Ok(());
        };
        self.regions.push(DmaRegion {
            address,
            length: size,
            offset,
            file,
        });
        self.remap()
    }

    fn dma_unmap(&mut self, _flags: DmaUnmapFlags, address: u64, _size: u64) -> io::Result<()> {
        let before = self.regions.len();
        self.regions.retain(|region| region.address != address);
        if self.regions.len() == before {
            Ok(())
        } else {
            self.remap()
        }
    }

    fn reset(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        _flags: u32,
        start: u32,
        count: u32,
        events: Vec<File>,
    ) -> io::Result<()> {
        if index != VFIO_PCI_MSIX_IRQ_INDEX {
            return Ok(());
        }
        let mut rp1 = self.chip.rp1();
        // A count of zero takes all events away.
        let vectors = if count == 0 {
            0..msix::VECTORS
        } else {
            start as usize..(start.saturating_add(count) as usize).min(msix::VECTORS)
        };
        let mut events = events.into_iter();
        for vector in vectors {
            rp1.set_notifier(vector, events.next());
        }
        Ok(())
    }
}

fn writable(offset: usize) -> bool {
    (config::COMMAND..config::STATUS).contains(&offset)
        || config::BARS.contains(&offset)
        || offset == config::INTERRUPT_LINE
        || (config::MSIX_CONTROL..config::MSIX_TABLE).contains(&offset)
}

fn config_space() -> [u8; CONFIG_LENGTH] {
    let mut space = [0; CONFIG_LENGTH];
    let mut put = |offset: usize, bytes: &[u8]| {
        space[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    let identity = [VENDOR.to_le_bytes(), DEVICE.to_le_bytes()].concat();
    put(0, &identity);
    put(config::SUBSYSTEM, &identity);
    put(config::STATUS, &[config::STATUS_CAPABILITIES]);
    put(
        config::REVISION,
        &(CLASS << 8 | u32::from(REVISION)).to_le_bytes(),
    );
    put(config::CAPABILITIES, &[config::MSIX as u8]);
    put(config::MSIX, &[config::MSIX_ID, 0]);
    put(
        config::MSIX_CONTROL,
        &(msix::VECTORS as u16 - 1).to_le_bytes(),
    );
    // Table and pending bits: offset in BAR0.
    put(config::MSIX_TABLE, &0u32.to_le_bytes());
    put(config::MSIX_PENDING, &PENDING_BITS.to_le_bytes());
    space
}

fn regions() -> Vec<ServerRegion> {
    (0..VFIO_PCI_NUM_REGIONS)
        .map(|index| {
            let size = match index {
                VFIO_PCI_BAR0_REGION_INDEX => BAR0_LENGTH,
                VFIO_PCI_BAR1_REGION_INDEX => WINDOW as u64,
                VFIO_PCI_BAR2_REGION_INDEX => BAR2_LENGTH,
                VFIO_PCI_CONFIG_REGION_INDEX => CONFIG_LENGTH as u64,
                _ => 0,
            };
            let flags = match size {
                0 => 0,
                _ => VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
            };
            let region_info = vfio_region_info {
                argsz: size_of::<vfio_region_info>() as u32,
                index,
                size,
                flags,
                ..Default::default()
            };
            ServerRegion {
                region_info,
                sparse_areas: Vec::new(),
                mmap_fd: None,
            }
        })
        .collect()
}

fn interrupts() -> Vec<IrqInfo> {
    (0..VFIO_PCI_NUM_IRQS)
        .map(|index| match index {
            VFIO_PCI_MSIX_IRQ_INDEX => IrqInfo {
                index,
                count: msix::VECTORS as u32,
                flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
            },
            _ => IrqInfo {
                index,
                count: 0,
                flags: 0,
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Connector;
    use crate::model::Model;
    use crate::sensor::SensorModel;

    #[test]
    fn configuration_space_is_rp1_with_msix() {
        let space = config_space();
        assert_eq!(space[..4], [0xe4, 0x1d, 0x01, 0x00]);
        let capability = space[config::CAPABILITIES] as usize;
        assert_eq!(space[capability], config::MSIX_ID);
        assert_eq!(space[capability + 1], 0, "last capability");
        assert_eq!(space[config::MSIX_CONTROL] as usize, msix::VECTORS - 1);
        assert!(writable(0x10) && writable(0x04) && !writable(0x06) && !writable(0x00));
    }

    #[test]
    fn a_job_queued_while_nobody_waited_is_found() {
        let connector = || Arc::new(Connector::new(SensorModel::named("imx219").unwrap(), true));
        let chip = Chip::new(Rp1::new(Model::Rpi5, [connector(), connector()]));
        // CONTROL of the second back end.
        let control = 0x1c_4000 + 4;
        assert!(chip.rp1().write(control, 1), "a job for back end 1");
        assert!(chip.wait_for_job(1, Duration::MAX).job_start(1).is_some());
        assert!(chip.wait_for_job(1, Duration::ZERO).job_start(1).is_none());
    }
}
