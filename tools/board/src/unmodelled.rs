//! What the PiSP model leaves out: the list for people, and one warning a board for what is used of it.

use crate::model::Model;
use crate::pisp;
use std::sync::{Mutex, PoisonError};

/// Names of PiSP blocks that are not modelled: pixels pass through.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Unmodelled {
    /// In RP1.
    pub front_end: Vec<&'static str>,
    /// In the back end.
    pub back_end: Vec<&'static str>,
}

impl Unmodelled {
    /// Those of a board: one without a PiSP has none.
    pub fn of(model: Model) -> Self {
        match model {
            Model::Rpi5 => Self::all(),
            Model::Imx8mm => Self::default(),
        }
    }

    /// All of them.
    pub fn all() -> Self {
        Self {
            front_end: pisp::unmodelled_front_end(pisp::FrontEndEnables::all()),
            back_end: pisp::unmodelled_back_end(pisp::BayerEnables::all(), pisp::RgbEnables::all()),
        }
    }
}

/// Blocks that the user was told about, shared by everything that processes.
#[derive(Debug, Default)]
pub struct Told {
    blocks: Mutex<Vec<(pisp::Half, &'static str)>>,
}

impl Told {
    /// Warns of those blocks that were not mentioned yet.
    pub fn warn(&self, half: pisp::Half, mut blocks: Vec<&'static str>) {
        let mut told = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|block| !told.contains(&(half, block)));
        if !blocks.is_empty() {
            let names = blocks.join(", ");
            log::warn!("PiSP {half}: enabled but not modelled, pixels pass through: {names}");
            told.extend(blocks.into_iter().map(|block| (half, block)));
        }
    }
}
