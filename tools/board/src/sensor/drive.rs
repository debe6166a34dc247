//! For tests: what the kernel drivers write to start each sensor.

use super::{Ack, Direction, Sensor, SensorModel};

/// Writes bytes from `register` on in one transfer.
pub(crate) fn write(sensor: &mut Sensor, register: u16, bytes: &[u8]) -> Ack {
    let address = sensor.model().bus.address.into();
    let mut ack = sensor.start(address, Direction::Write);
    for byte in register.to_be_bytes().iter().chain(bytes) {
        if ack == Ack::Ack {
            ack = sensor.write(*byte);
        }
    }
    sensor.stop();
    ack
}

/// Reads `count` bytes from `register` on with a repeated start.
pub(crate) fn read(sensor: &mut Sensor, register: u16, count: usize) -> Vec<u8> {
    let address = sensor.model().bus.address.into();
    assert_eq!(sensor.start(address, Direction::Write), Ack::Ack);
    for byte in register.to_be_bytes() {
        assert_eq!(sensor.write(byte), Ack::Ack);
    }
    assert_eq!(sensor.start(address, Direction::Read), Ack::Ack);
    let bytes = (0..count).map(|_| sensor.read()).collect();
    sensor.stop();
    bytes
}

/// The sensor `name` with power.
pub(crate) fn powered(name: &str) -> Sensor {
    let mut sensor = Sensor::new(SensorModel::named(name).unwrap());
    sensor.power(true);
    sensor
}

/// imx283 in read-out mode 0 (12 bit), 1 (10 bit), 2 or 3 (binned 2x2, 3x3), streaming.
pub(crate) fn imx283(mode: usize) -> Sensor {
    let mut sensor = powered("imx283");
    let (mdsel, binning, hmax, vmax) = [
        ([0x04, 0x03], 1, 900u16, 4000u16),
        ([0x04, 0x01], 1, 750, 3840),
        ([0x0d, 0x11], 2, 375, 3840),
        ([0x1e, 0x18], 3, 285, 4200),
    ][mode];
    write(&mut sensor, 0x3000, &[0x0a]);
    write(&mut sensor, 0x3000, &[0x00]);
    write(&mut sensor, 0x3004, &mdsel);
    write(&mut sensor, 0x302f, &(3648 / binning as u16).to_le_bytes());
    write(
        &mut sensor,
        0x300f,
        &(40 / binning as u16 / 2).to_le_bytes(),
    );
    write(&mut sensor, 0x3058, &108u16.to_le_bytes());
    write(&mut sensor, 0x305a, &5580u16.to_le_bytes());
    write(&mut sensor, 0x3036, &hmax.to_le_bytes());
    write(&mut sensor, 0x3038, &u32::from(vmax).to_le_bytes()[..3]);
    write(&mut sensor, 0x303b, &(vmax - 1000).to_le_bytes());
    write(&mut sensor, 0x300b, &[0x10]);
    write(&mut sensor, 0x3105, &[0x00]);
    sensor
}

/// imx219 with two lanes and 10 bit; the picture is centred in the active area. Streaming.
pub(crate) fn imx219(width: u16, height: u16, binned: bool) -> Sensor {
    let mut sensor = powered("imx219");
    let factor = if binned { 2 } else { 1 };
    let (left, top) = ((3280 - width * factor) / 2, (2464 - height * factor) / 2);
    let values = [
        (0x0164, left),
        (0x0166, left + width * factor - 1),
        (0x0168, top),
        (0x016a, top + height * factor - 1),
        (0x016c, width),
        (0x016e, height),
        (0x018c, 0x0a0a),
        (0x0174, if binned { 0x0303 } else { 0 }),
        (0x0306, 57),
        (0x0162, 3448),
        (0x0160, 1763),
        (0x015a, 600),
    ];
    for (register, value) in values {
        write(&mut sensor, register, &value.to_be_bytes());
    }
    write(&mut sensor, 0x0301, &[5]);
    write(&mut sensor, 0x0100, &[1]);
    sensor
}

/// imx296, whole array or binned, streaming.
pub(crate) fn imx296(binned: bool) -> Sensor {
    let mut sensor = powered("imx296");
    write(&mut sensor, 0x3300, &[0]);
    write(&mut sensor, 0x300d, &[if binned { 0x22 } else { 0 }]);
    write(&mut sensor, 0x3014, &1100u16.to_le_bytes());
    write(&mut sensor, 0x3010, &1118u32.to_le_bytes()[..3]);
    write(&mut sensor, 0x308d, &118u32.to_le_bytes()[..3]);
    write(&mut sensor, 0x3000, &[0]);
    write(&mut sensor, 0x300a, &[0]);
    sensor
}
