//! The register file: 64 KiB of bytes behind 16-bit addresses, and the fields a sensor file reads from it.

use super::model::{ByteOrder, Condition, Quantity};

const SIZE: usize = 1 << 16;

/// The bytes of a sensor's registers.
#[derive(Clone, PartialEq)]
pub(super) struct Registers {
    bytes: Box<[u8]>,
    order: ByteOrder,
}

impl Registers {
    /// A cleared file whose multi-byte fields are in `order`.
    pub(super) fn new(order: ByteOrder) -> Self {
        Self {
            bytes: vec![0; SIZE].into(),
            order,
        }
    }

    /// Clears every register.
    pub(super) fn clear(&mut self) {
        self.bytes.fill(0);
    }

    /// One byte.
    pub(super) fn get(&self, register: u16) -> u8 {
        self.bytes[usize::from(register)]
    }

    /// Sets one byte.
    pub(super) fn set(&mut self, register: u16, value: u8) {
        self.bytes[usize::from(register)] = value;
    }

    /// Sets a field of `bytes` bytes.
    pub(super) fn set_field(&mut self, register: u16, bytes: u8, value: u32) {
        for index in 0..bytes {
            let significance = match self.order {
                ByteOrder::Big => bytes - 1 - index,
                ByteOrder::Little => index,
            };
            let byte = (value >> (8 * u32::from(significance))) as u8;
            self.set(register.wrapping_add(u16::from(index)), byte);
        }
    }

    /// A field of `bytes` bytes.
    pub(super) fn field(&self, register: u16, bytes: u8) -> u32 {
        (0..u16::from(bytes)).fold(0, |value, index| {
            let index = match self.order {
                ByteOrder::Big => index,
                ByteOrder::Little => u16::from(bytes) - 1 - index,
            };
            value << 8 | u32::from(self.get(register.wrapping_add(index)))
        })
    }

    /// The bits of `quantity`, masked and shifted down, before sign, scale and offset.
    pub(super) fn code(&self, quantity: &Quantity) -> u32 {
        let raw = self.field(quantity.register, quantity.bytes);
        match quantity.mask {
            Some(mask) => (raw & mask) >> mask.trailing_zeros().min(31),
            None => raw,
        }
    }

    /// The value of `quantity`: signed where it is, scaled, offset.
    pub(super) fn value(&self, quantity: &Quantity) -> i64 {
        let code = i64::from(self.code(quantity));
        let bits = 8 * u32::from(quantity.bytes);
        let code = match quantity.signed && code >> (bits - 1) == 1 {
            true => code - (1 << bits),
            false => code,
        };
        code * i64::from(quantity.scale) + i64::from(quantity.offset)
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, condition: &Condition) -> bool {
        self.get(condition.register) & condition.mask == condition.value
    }

    /// Whether all conditions hold.
    pub(super) fn hold(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| self.holds(condition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_byte_order_and_sign() {
        for (order, bytes) in [
            (ByteOrder::Big, [0xff, 0xec]),
            (ByteOrder::Little, [0xec, 0xff]),
        ] {
            let mut registers = Registers::new(order);
            registers.set_field(0x300f, 2, 0xffec);
            assert_eq!([registers.get(0x300f), registers.get(0x3010)], bytes);
            let mut quantity = Quantity::bytes(0x300f, 2);
            assert_eq!(registers.value(&quantity), 0xffec);
            quantity.signed = true;
            quantity.scale = 2;
            quantity.offset = 1;
            assert_eq!(registers.value(&quantity), -39);
            quantity.mask = Some(0x0ff0);
            assert_eq!(registers.code(&quantity), 0xfe);
        }
    }

    #[test]
    fn the_last_register_wraps() {
        let mut registers = Registers::new(ByteOrder::Big);
        registers.set_field(0xffff, 2, 0x1234);
        assert_eq!(registers.field(0xffff, 2), 0x1234);
        assert_eq!(registers.get(0), 0x34);
    }
}
