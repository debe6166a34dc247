//! A stand-in of the IPA's five verbs, which the wire is compiled and tested against.
#![allow(missing_docs, reason = "replaced as a whole")]

pub mod exchange;

use crate::controls::{Info, List, Value, id, v4l2};
use exchange::{Parameters, SensorInfo, Settings, Statistics};

#[derive(Debug, thiserror::Error)]
#[error("the sensor's driver has no control {control:#x}")]
pub struct Refused {
    control: u32,
}

impl Refused {
    pub fn errno(&self) -> i32 {
        22
    }
}

#[derive(Debug)]
pub struct Soft {
    orders: u32,
}

impl Soft {
    pub fn new(_: &Settings, _: SensorInfo, controls: &[Info]) -> Result<Self, Refused> {
        for control in [v4l2::EXPOSURE, v4l2::ANALOGUE_GAIN] {
            if !controls.iter().any(|info| info.id == control) {
                return Err(Refused { control });
            }
        }
        Ok(Self { orders: 0 })
    }

    pub fn infos(&self) -> Vec<Info> {
        vec![Info {
            id: id::CONTRAST,
            minimum: Value::F32(0.0),
            maximum: Value::F32(2.0),
            default: Value::F32(1.0),
        }]
    }

    pub fn colour_correction(&self) -> bool {
        true
    }

    pub fn configure(&mut self, _: &[Info]) -> Result<(), Refused> {
        Ok(())
    }

    pub fn start(&mut self) {}

    pub fn stop(&mut self) {}

    pub fn queue_request(&mut self, _: u32, _: &List) {}

    pub fn compute_params(&mut self, _: u32) -> Parameters {
        Parameters::default()
    }

    pub fn process_stats(
        &mut self,
        _: u32,
        statistics: &Statistics,
        _: &List,
        metadata: &mut List,
        orders: &mut List,
    ) {
        metadata.set(id::EXPOSURE_TIME, Value::I32(10_000));
        if statistics.valid {
            self.orders += 1;
            orders.set(v4l2::EXPOSURE, Value::I32(100));
            orders.set(v4l2::ANALOGUE_GAIN, Value::I32(16));
        }
    }
}
