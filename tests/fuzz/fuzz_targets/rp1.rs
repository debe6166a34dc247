//! Register accesses of a guest without sense on either board: any offset, any value, in any order.

#![no_main]

use bayonet_board::connector::Connector;
use bayonet_board::model::Model;
use bayonet_board::orders::Port;
use bayonet_board::rp1::{Rp1, WINDOW};
use bayonet_board::sensor::SensorModel;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static MODEL: LazyLock<Arc<SensorModel>> =
    LazyLock::new(|| SensorModel::named("imx283").expect("a sensor of the board"));
/// What to do, offset, value.
const STEP: usize = 9;
/// Back ends.
const JOBS: usize = 2;
/// Begins an input for the board without back ends.
const IMX8MM: u8 = 0xff;

fuzz_target!(|data: &[u8]| {
    let connector = || Arc::new(Connector::new(Arc::clone(&MODEL), true));
    // The first byte alone says which board: old inputs are for the first one.
    let (model, steps) = match data {
        [IMX8MM, steps @ ..] => (Model::Imx8mm, steps),
        steps => (Model::Rpi5, steps),
    };
    let mut chip = Rp1::new(model, [connector(), connector()]);
    for step in steps.chunks_exact(STEP) {
        let word =
            |at: usize| u32::from_le_bytes([step[at], step[at + 1], step[at + 2], step[at + 3]]);
        let (offset, value) = (word(1) as usize % WINDOW, word(5));
        match step[0] % 4 {
            0 => {
                chip.read(offset);
            }
            1 if chip.write(offset, value) => {
                for back_end in 0..JOBS {
                    if let Some(job) = chip.job_start(back_end) {
                        chip.job_finish(back_end, job);
                    }
                }
            }
            2 => chip.discard(Port::ALL[offset % 2], step[5], value),
            3 if chip.receiving(Port::ALL[offset % 2]) => {
                let port = Port::ALL[offset % 2];
                if let Some(intake) = chip.frame_start(port, step[5]) {
                    chip.frame_end(port, intake);
                }
            }
            _ => {}
        }
    }
});
