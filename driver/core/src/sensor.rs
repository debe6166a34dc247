//! Image sensors by their chip identity: who is it that answers on the mount's I2C bus?
//!
//! Only sensors whose identity could be checked in a kernel driver are listed. Whatever else answers is reported by
//! what it answered.

use crate::mount::Identity;

/// How a sensor says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Name as in the device tree's `compatible`, without the maker.
    pub name: &'static str,
    /// 7-bit I2C address.
    pub address: u8,
    /// 16-bit address of the identity register.
    pub register: u16,
    /// What the register may hold, in the order on the wire.
    pub ids: &'static [&'static [u8]],
    /// What it may hold besides once the sensor was used, where identity and state share a register.
    pub used: &'static [&'static [u8]],
}

/// The sensors that are known.
///
/// Registers and values: Linux 7.3 `drivers/media/i2c/NAME.c`; addresses: the bindings in
/// `Documentation/devicetree/bindings/media/i2c/sony,NAME.yaml`.
pub const KNOWN: [Sensor; 3] = [
    // IMX219_REG_CHIP_ID.
    Sensor {
        name: "imx219",
        address: 0x10,
        register: 0x0000,
        ids: &[&[0x02, 0x19]],
        used: &[],
    },
    // IMX283_REG_CHIP_ID holds IMX283_CHIP_ID after power-on only: it is IMX283_REG_STANDBY as well.
    Sensor {
        name: "imx283",
        address: 0x1a,
        register: 0x3000,
        ids: &[&[0x0b]],
        used: &[&[0x00], &[0x01]],
    },
    // IMX296_SENSOR_INFO, little endian: colour (LQ) and monochrome (LL). The driver wakes the sensor to read it.
    Sensor {
        name: "imx296",
        address: 0x1a,
        register: 0x3148,
        ids: &[&[0x00, 0x4a], &[0x00, 0xca]],
        used: &[],
    },
];

/// Widest identity in [`KNOWN`], in bytes.
const WIDEST: usize = 2;

/// The sensor of this name.
pub fn named(name: &str) -> Option<&'static Sensor> {
    KNOWN.iter().find(|sensor| sensor.name == name)
}

/// Asks who is there. `fresh`: the sensor's supplies were off before, so no register has been written yet. `read`
/// fills the buffer from a register of the device at an address, and tells whether anything acknowledged.
///
/// # Errors
/// Those of `read`.
pub fn identify<E>(
    expected: &Sensor,
    fresh: bool,
    mut read: impl FnMut(u8, u16, &mut [u8]) -> Result<bool, E>,
) -> Result<Identity, E> {
    let mut ask = |sensor: &Sensor| -> Result<Option<Vec<u8>>, E> {
        let width = sensor.ids.first().map_or(WIDEST, |id| id.len());
        let mut id = vec![0; width];
        Ok(read(sensor.address, sensor.register, &mut id)?.then_some(id))
    };
    let answer = ask(expected)?;
    if answer
        .as_deref()
        .is_some_and(|id| expected.ids.contains(&id))
    {
        return Ok(Identity::Expected);
    }
    for other in KNOWN.iter().filter(|other| other.name != expected.name) {
        if ask(other)?.is_some_and(|id| other.ids.contains(&id.as_slice())) {
            return Ok(Identity::Other(other.name.to_owned()));
        }
    }
    Ok(match answer {
        None => Identity::Silent,
        Some(id) if !fresh && expected.used.contains(&id.as_slice()) => Identity::Expected,
        Some(id) => Identity::Other(format!(
            "a sensor at {:#04x} whose register {:#06x} holds {id:02x?}",
            expected.address, expected.register
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bus with one device: address, and what its registers hold; others read as zero.
    fn bus(
        address: u8,
        holds: &'static [(u16, &'static [u8])],
    ) -> impl FnMut(u8, u16, &mut [u8]) -> Result<bool, String> {
        move |asked, register, buffer| {
            if let Some((_, id)) = holds.iter().find(|(at, _)| *at == register) {
                buffer.copy_from_slice(&id[..buffer.len()]);
            }
            Ok(asked == address)
        }
    }

    fn find(name: &str) -> Sensor {
        *named(name).expect("a known sensor")
    }

    #[test]
    fn a_sensor_is_known_by_its_register() {
        for sensor in KNOWN {
            for id in sensor.ids {
                assert_eq!(id.len(), sensor.ids[0].len(), "{}", sensor.name);
                let answer = identify(&sensor, true, |address, register, buffer: &mut [u8]| {
                    if (address, register) == (sensor.address, sensor.register) {
                        buffer.copy_from_slice(id);
                    }
                    Ok::<_, ()>(address == sensor.address)
                });
                assert_eq!(answer, Ok(Identity::Expected));
            }
        }
    }

    #[test]
    fn another_sensor_is_named_whatever_its_address() {
        let other = |name: &str| Ok(Identity::Other(name.to_owned()));
        let imx219: &[(u16, &[u8])] = &[(0x0000, &[0x02, 0x19])];
        assert_eq!(
            identify(&find("imx283"), true, bus(0x10, imx219)),
            other("imx219")
        );
        // In standby, as one that was used looks.
        let imx296: &[(u16, &[u8])] = &[(0x3000, &[0x01]), (0x3148, &[0x00, 0x4a])];
        assert_eq!(
            identify(&find("imx283"), false, bus(0x1a, imx296)),
            other("imx296")
        );
    }

    #[test]
    fn a_sensor_that_was_used_has_lost_its_power_on_value() {
        let used: &[(u16, &[u8])] = &[(0x3000, &[0x01])];
        let imx283 = find("imx283");
        assert_eq!(
            identify(&imx283, false, bus(0x1a, used)),
            Ok(Identity::Expected)
        );
        let Ok(Identity::Other(found)) = identify(&imx283, true, bus(0x1a, used)) else {
            panic!("nothing was written yet, so this is no imx283");
        };
        assert_eq!(found, "a sensor at 0x1a whose register 0x3000 holds [01]");
    }

    #[test]
    fn silence_and_errors_are_not_the_same() {
        assert_eq!(
            identify(&find("imx219"), true, bus(0x55, &[])),
            Ok(Identity::Silent)
        );
        let broken = identify(&find("imx219"), true, |_, _, _| Err("no bus"));
        assert_eq!(broken, Err("no bus"));
    }
}
