//! The dual-sensor module's cables, and its wires to RP1's GPIO pins.
//!
//! Everything that interrupts is on bank 0: the kernel's `pinctrl-rp1` serves no interrupts of the other banks. The
//! overlay (`dt-overlays/boards/pi5.dts`) says the same of cables and lines.

use crate::rp1::{CAM0, CAM1, Rp1, Socket};

/// What the module's ports are plugged to: main, mount.
pub const CABLES: [Socket; 2] = [CAM1, CAM0];
/// Shutter key, low while held.
pub const SHUTTER_KEY: usize = 5;
/// Presence of the mount sensor, low when it is connected.
pub const MOUNT_PRESENT: usize = 6;
/// Six reflective sensors on the mount's flange, most significant bit first; high = black.
pub const LENS_CODE: [usize; 6] = [16, 17, 18, 19, 20, 21];
/// The two frame-line selector contacts, most significant bit first.
pub const FRAME_SELECTOR: [usize; 2] = [22, 23];

/// The code and frame-line selector of the lens on the mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LensCode {
    /// 6-bit code, black mark = 1.
    pub code: u8,
    /// Frame-line selector, 0..=3.
    pub frame: u8,
}

impl LensCode {
    /// A code as the flange and the selector give it.
    ///
    /// # Errors
    /// When the code has more than six bits or is that of a bare mount, or the selector has more than two bits.
    pub fn new(code: u8, frame: u8) -> anyhow::Result<Self> {
        anyhow::ensure!(
            code <= NO_LENS,
            "the code has 6 bits, {code} is above {NO_LENS}"
        );
        anyhow::ensure!(
            code < NO_LENS,
            "code {NO_LENS} is what a mount without a lens reads: say none"
        );
        anyhow::ensure!(frame < 4, "the frame-line selector is 0 to 3, not {frame}");
        Ok(Self { code, frame })
    }
}

/// What the six sensors read when no lens reflects their light.
const NO_LENS: u8 = 0b11_1111;

/// Drives the mount's presence line.
pub fn set_mount_present(rp1: &mut Rp1, present: bool) {
    rp1.set_pin(MOUNT_PRESENT, Some(!present));
}

/// Drives the lens code and frame selector lines.
pub fn set_lens_code(rp1: &mut Rp1, lens: Option<LensCode>) {
    let (code, frame) = lens.map_or((NO_LENS, 0), |lens| (lens.code, lens.frame));
    for (bit, pin) in LENS_CODE.iter().rev().enumerate() {
        rp1.set_pin(*pin, Some(code >> bit & 1 == 1));
    }
    for (bit, pin) in FRAME_SELECTOR.iter().rev().enumerate() {
        rp1.set_pin(*pin, Some(frame >> bit & 1 == 1));
    }
}

/// Drives the shutter key's line.
pub fn set_shutter_key(rp1: &mut Rp1, pressed: bool) {
    rp1.set_pin(SHUTTER_KEY, Some(!pressed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_bits_and_one_means_no_lens() {
        assert!(LensCode::new(62, 3).is_ok());
        let refusal = |code, frame| LensCode::new(code, frame).unwrap_err().to_string();
        assert!(refusal(63, 0).contains("say none"));
        assert!(refusal(64, 0).contains("above 63"));
        assert!(refusal(1, 4).contains("0 to 3"));
    }
}
