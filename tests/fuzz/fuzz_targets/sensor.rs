//! Sensor files: what passes the checks must run, whatever is then written over I2C.

#![no_main]

use bayonet_board::sensor::{Direction, Sensor, SensorModel};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|data: &[u8]| {
    // Behind a zero byte follow I2C transfers: length, then bytes.
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let text = parts.next().and_then(|text| std::str::from_utf8(text).ok());
    let Some(Ok(model)) = text.map(|text| SensorModel::from_toml("fuzz.toml", text)) else {
        return;
    };
    let address = model.bus.address.into();
    let mut sensor = Sensor::new(Arc::new(model));
    sensor.power(true);
    let mut transfers = parts.next().unwrap_or_default();
    while let Some((&length, rest)) = transfers.split_first() {
        let (bytes, rest) = rest.split_at(rest.len().min(length.into()));
        transfers = rest;
        sensor.start(address, Direction::Write);
        for &byte in bytes {
            sensor.write(byte);
        }
        sensor.stop();
        sensor.next_frame();
    }
});
