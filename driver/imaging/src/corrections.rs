//! The corrections that a negative asks for, in the order of their lists (DNG 1.7.1.0, chapter 7).
//!
//! `OpcodeList1` is for samples as they are stored: broken pixels. `OpcodeList2` is for linear samples: shading.
//! `OpcodeList3` is for colours: distortion, and shading before or behind it. Shading before it is done with the samples
//! already, where it costs one multiplication and not three; as it changes little from pixel to pixel, demosaic does not
//! mind.

use crate::defects::Defects;
use crate::develop::Error;
use crate::dng::negative::Negative;
use crate::dng::opcodes::Opcode;
use crate::shading::Shading;
use crate::warp::Warp;

/// What is corrected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Corrections {
    pub(crate) defects: Defects,
    /// Of the mosaic.
    pub(crate) shading: Option<Shading>,
    pub(crate) warp: Option<Warp>,
    /// Of colours that were moved to their places.
    pub(crate) shading_after: Option<Shading>,
}

impl Corrections {
    /// `active` is the size of the active area, `result` that of the picture in which distortion is mended. Without
    /// `lens` only broken pixels are.
    ///
    /// # Errors
    /// When a correction is in a list where it cannot be done, or contradicts itself.
    pub(crate) fn new(
        negative: &Negative,
        lens: bool,
        active: [usize; 2],
        result: [usize; 2],
    ) -> Result<Self, Error> {
        let [stored, linear, colours] = &negative.opcodes;
        let defects = Defects::new(stored, negative.raw.active)?;
        if !lens {
            return Ok(Self {
                defects,
                shading: None,
                warp: None,
                shading_after: None,
            });
        }
        let is_shading = |opcode: &Opcode| {
            matches!(
                opcode,
                Opcode::FixVignetteRadial { .. } | Opcode::GainMap(_)
            )
        };
        let is_warp = |opcode: &Opcode| matches!(opcode, Opcode::WarpRectilinear { .. });
        if !linear.iter().all(is_shading) {
            let problem = "only FixVignetteRadial and GainMap can be done with linear samples";
            return Err(Error::new("OpcodeList2", problem));
        }
        if !colours
            .iter()
            .all(|opcode| is_shading(opcode) || is_warp(opcode))
        {
            let problem = "broken pixels cannot be mended once there are colours";
            return Err(Error::new("OpcodeList3", problem));
        }
        let warp_at = colours.iter().position(is_warp).unwrap_or(colours.len());
        let (before, after) = colours.split_at(warp_at);
        let shading = Shading::new(linear, "OpcodeList2", true, active)?;
        let more = Shading::new(before, "OpcodeList3", false, active)?;
        Ok(Self {
            defects,
            shading: match shading {
                Some(shading) => Some(shading.with(more)),
                None => more,
            },
            warp: Warp::new(colours, result)?,
            shading_after: Shading::new(after, "OpcodeList3", false, active)?,
        })
    }
}
