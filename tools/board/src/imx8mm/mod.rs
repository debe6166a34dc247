//! The camera receiver of NXP's i.MX 8M Mini: a MIPI CSI-2 receiver, CSIS, and the bridge that takes its pixels to
//! memory.
//!
//! The two blocks sit in a part of RP1's window that RP1 leaves free, once for each camera. Register names are those
//! of the kernel's drivers, `imx-mipi-csis` and `imx7-csi`.

pub mod csi_bridge;
pub mod csis;

use crate::rp1::Wire;

/// Where a camera's blocks are in the window, and their interrupt lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bridge.
    pub bridge: Wire,
    /// The receiver.
    pub csis: Wire,
}

/// Blocks of the first camera socket, CAM0.
pub const CAM0: Place = Place {
    bridge: Wire {
        offset: 0x32_0000,
        line: 57,
    },
    csis: Wire {
        offset: 0x32_8000,
        line: 58,
    },
};
/// Blocks of the second camera socket, CAM1.
pub const CAM1: Place = Place {
    bridge: Wire {
        offset: 0x33_0000,
        line: 59,
    },
    csis: Wire {
        offset: 0x33_8000,
        line: 60,
    },
};

/// One camera's receiver and bridge.
#[derive(Default)]
pub struct Receiver {
    /// The MIPI CSI-2 receiver.
    pub csis: csis::Csis,
    /// What writes to memory.
    pub bridge: csi_bridge::CsiBridge,
}

impl Receiver {
    /// Whether a frame that began now would be lost, or the next but one: the bridge is not on yet, the driver has not
    /// heard of the last frame and so has not changed its buffer, or it has no buffer.
    pub fn starved(&self) -> bool {
        let told = !self.bridge.interrupt() && !self.csis.interrupt();
        self.csis.receiving() && !(self.bridge.running() && told && !self.bridge.starved())
    }

    /// A frame of this data type begins; what the bridge writes of it.
    pub fn frame_start(&mut self, data_type: u8) -> Option<csi_bridge::Transfer> {
        let passed = self.csis.frame_start(data_type);
        let transfer = self.bridge.frame_start().filter(|_| passed);
        if transfer.is_none() {
            self.csis.frame_end();
        }
        transfer
    }

    /// The frame is in memory; `stopped` when the driver has stopped the bridge meanwhile.
    pub fn frame_end(&mut self, transfer: &csi_bridge::Transfer, stopped: bool) {
        self.csis.frame_end();
        if !stopped {
            self.bridge.frame_end(transfer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW10: u8 = 0x2b;

    fn streaming() -> Receiver {
        let mut receiver = Receiver::default();
        csis::drive::start(&mut receiver.csis, RAW10);
        csi_bridge::drive::start(&mut receiver.bridge, (640, 480), true);
        receiver
    }

    #[test]
    fn frames_go_to_both_buffers_in_turn() {
        let mut receiver = streaming();
        let addresses: Vec<u64> = (0..3)
            .map(|_| {
                let transfer = receiver.frame_start(RAW10).unwrap();
                receiver.frame_end(&transfer, false);
                csi_bridge::drive::acknowledge(&mut receiver.bridge);
                transfer.address
            })
            .collect();
        let [first, second] = csi_bridge::drive::BUFFERS.map(u64::from);
        assert_eq!(addresses, [first, second, first]);
    }

    #[test]
    fn a_frame_waits_for_the_bridge_and_for_the_driver() {
        let mut receiver = Receiver::default();
        assert!(!receiver.starved(), "nothing is on");
        csis::drive::start(&mut receiver.csis, RAW10);
        assert!(receiver.starved(), "the bridge is off");
        csi_bridge::drive::start(&mut receiver.bridge, (640, 480), true);
        assert!(!receiver.starved());
        let transfer = receiver.frame_start(RAW10).unwrap();
        assert!(receiver.starved(), "the frame's start is not acknowledged");
        csis::drive::acknowledge(&mut receiver.csis);
        receiver.frame_end(&transfer, false);
        csis::drive::acknowledge(&mut receiver.csis);
        assert!(receiver.starved(), "the frame's end is not acknowledged");
        csi_bridge::drive::acknowledge(&mut receiver.bridge);
        assert!(!receiver.starved());
    }

    #[test]
    fn what_the_receiver_ignores_does_not_reach_the_bridge() {
        let mut receiver = streaming();
        assert_eq!(receiver.frame_start(0x2c), None, "another data type");
        assert!(!receiver.bridge.interrupt());
        assert!(receiver.frame_start(RAW10).is_some());
    }

    #[test]
    fn a_frame_that_was_stopped_is_not_told_of() {
        let mut receiver = streaming();
        let transfer = receiver.frame_start(RAW10).unwrap();
        receiver.frame_end(&transfer, true);
        assert!(!receiver.bridge.interrupt());
    }
}
