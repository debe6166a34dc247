//! One camera's part of the window: its I2C controller, and the receiver that the board has for it.

use super::{Gate, Socket, csi2, dphy, i2c, mipi_cfg, pisp_be, pisp_fe};
use crate::imx8mm::{self, csi_bridge};
use crate::model::Model;
use std::sync::Arc;

/// One camera's blocks.
pub(super) struct Camera {
    pub(super) i2c: i2c::I2c,
    receiver: Receiver,
    gate: Arc<Gate>,
}

/// What takes a sensor's frames.
enum Receiver {
    Rp1(Box<Cfe>),
    Imx8mm(Box<imx8mm::Receiver>),
}

/// RP1's receiver and the PiSP image processor.
#[derive(Default)]
struct Cfe {
    csi2: csi2::Csi2,
    dphy: dphy::Dphy,
    mipi_cfg: mipi_cfg::MipiCfg,
    fe: pisp_fe::PispFe,
    be: pisp_be::PispBe,
}

/// A register block of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Csi2,
    Dphy,
    MipiCfg,
    Fe,
    Be,
    Bridge,
    Csis,
}

/// What a register write may bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Interrupt lines may have moved.
    Lines,
    /// None has.
    Nothing,
    /// A back end was given a job.
    Job,
}

/// Where a frame goes.
pub enum Intake {
    /// To channels of RP1's CSI-2 DMA, and through the front end where it has a job.
    Rp1 {
        /// By channel.
        transfers: csi2::Transfers,
        /// The front end's settings.
        job: Option<pisp_fe::Settings>,
    },
    /// Through the CSI bridge of an i.MX 8M Mini.
    Imx8mm(csi_bridge::Transfer),
}

impl Intake {
    /// The front end's settings, where it takes part.
    pub fn job(&self) -> Option<&pisp_fe::Settings> {
        match self {
            Self::Rp1 { job, .. } => job.as_ref(),
            Self::Imx8mm(_) => None,
        }
    }
}

impl Camera {
    pub(super) fn new(model: Model) -> Self {
        Self {
            i2c: i2c::I2c::default(),
            receiver: match model {
                Model::Rpi5 => Receiver::Rp1(Box::default()),
                Model::Imx8mm => Receiver::Imx8mm(Box::default()),
            },
            gate: Arc::default(),
        }
    }

    /// Register read; blocks that the board lacks read as zero.
    pub(super) fn read(&self, part: Part, register: usize) -> u32 {
        match (&self.receiver, part) {
            (Receiver::Rp1(cfe), Part::Csi2) => cfe.csi2.read(register),
            (Receiver::Rp1(cfe), Part::Dphy) => cfe.dphy.read(register),
            (Receiver::Rp1(cfe), Part::MipiCfg) => cfe.mipi_cfg.read(register),
            (Receiver::Rp1(cfe), Part::Fe) => cfe.fe.read(register),
            (Receiver::Rp1(cfe), Part::Be) => cfe.be.read(register),
            (Receiver::Imx8mm(receiver), Part::Bridge) => receiver.bridge.read(register),
            (Receiver::Imx8mm(receiver), Part::Csis) => receiver.csis.read(register),
            _ => 0,
        }
    }

    /// Register write. When it stops a frame, that frame's writes to memory have ended when this returns.
    pub(super) fn write(&mut self, part: Part, register: usize, value: u32) -> Effect {
        let stops = match (&mut self.receiver, part) {
            (Receiver::Rp1(cfe), Part::Csi2) => cfe.csi2.write(register, value),
            (Receiver::Rp1(cfe), Part::Fe) => cfe.fe.write(register, value),
            (Receiver::Rp1(cfe), Part::Dphy) => {
                cfe.dphy.write(register, value);
                false
            }
            (Receiver::Rp1(cfe), Part::MipiCfg) => {
                cfe.mipi_cfg.write(register, value);
                false
            }
            (Receiver::Rp1(cfe), Part::Be) => {
                return match cfe.be.write(register, value) {
                    // Settings are a thousand writes a frame and move no line.
                    _ if register >= pisp_be::SETTINGS_BASE => Effect::Nothing,
                    true => Effect::Job,
                    false => Effect::Lines,
                };
            }
            (Receiver::Imx8mm(receiver), Part::Bridge) => receiver.bridge.write(register, value),
            (Receiver::Imx8mm(receiver), Part::Csis) => {
                receiver.csis.write(register, value);
                false
            }
            _ => return Effect::Nothing,
        };
        if stops {
            self.gate.close();
        }
        Effect::Lines
    }

    /// Whether packets are received.
    pub(super) fn receiving(&self) -> bool {
        match &self.receiver {
            Receiver::Rp1(cfe) => cfe.dphy.receiving(),
            Receiver::Imx8mm(receiver) => receiver.csis.receiving(),
        }
    }

    /// Whether a frame that began now would be lost for want of a buffer.
    pub(super) fn starved(&self) -> bool {
        match &self.receiver {
            Receiver::Rp1(cfe) => {
                cfe.csi2.starved() || (cfe.csi2.feeds_front_end() && !cfe.fe.waiting())
            }
            Receiver::Imx8mm(receiver) => receiver.starved(),
        }
    }

    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// A frame of this data type begins: where it goes, if anywhere.
    pub(super) fn frame_start(&mut self, data_type: u8) -> Option<Intake> {
        self.gate.open();
        match &mut self.receiver {
            Receiver::Rp1(cfe) => cfe.frame_start(data_type),
            Receiver::Imx8mm(receiver) => receiver.frame_start(data_type).map(Intake::Imx8mm),
        }
    }

    /// The frame is in memory.
    pub(super) fn frame_end(&mut self, intake: Intake) {
        match (&mut self.receiver, intake) {
            (Receiver::Rp1(cfe), Intake::Rp1 { transfers, job }) => {
                cfe.csi2.frame_end(&transfers);
                if let Some(settings) = job {
                    cfe.fe.frame_end(settings);
                }
            }
            (Receiver::Imx8mm(receiver), Intake::Imx8mm(transfer)) => {
                receiver.frame_end(&transfer, self.gate.pass().is_none());
            }
            _ => {}
        }
    }

    /// Data had to be thrown away.
    pub(super) fn discard(&mut self, data_type: u8, bytes: u32) {
        match &mut self.receiver {
            Receiver::Rp1(cfe) => cfe.csi2.discard(data_type, bytes),
            Receiver::Imx8mm(receiver) => receiver.csis.overflow(),
        }
    }

    pub(super) fn back_end(&self) -> Option<&pisp_be::PispBe> {
        match &self.receiver {
            Receiver::Rp1(cfe) => Some(&cfe.be),
            Receiver::Imx8mm(_) => None,
        }
    }

    pub(super) fn back_end_mut(&mut self) -> Option<&mut pisp_be::PispBe> {
        match &mut self.receiver {
            Receiver::Rp1(cfe) => Some(&mut cfe.be),
            Receiver::Imx8mm(_) => None,
        }
    }

    /// Levels of the receiver's interrupt lines at this socket.
    pub(super) fn interrupts(&mut self, socket: &Socket, be_line: usize) -> [(usize, bool); 2] {
        match &mut self.receiver {
            Receiver::Rp1(cfe) => {
                let joint = cfe
                    .mipi_cfg
                    .update(cfe.csi2.interrupt(), cfe.fe.interrupt());
                [(socket.csi_line, joint), (be_line, cfe.be.interrupt())]
            }
            Receiver::Imx8mm(receiver) => [
                (socket.imx8mm.bridge.line, receiver.bridge.interrupt()),
                (socket.imx8mm.csis.line, receiver.csis.interrupt()),
            ],
        }
    }
}

impl Cfe {
    fn frame_start(&mut self, data_type: u8) -> Option<Intake> {
        let transfers = self.csi2.frame_start(data_type);
        let to_front_end = transfers
            .iter()
            .flatten()
            .any(|transfer| transfer.mode == csi2::Mode::FrontEnd);
        let job = to_front_end.then(|| self.fe.frame_start()).flatten();
        (transfers != csi2::Transfers::default()).then_some(Intake::Rp1 { transfers, job })
    }
}
