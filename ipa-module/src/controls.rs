//! Controls and their values, as libcamera and the sensor's driver name them. No wire, no algorithm.
//!
//! Everything here is [`Copy`] or lives in a list of a fixed capacity: between `start` and `stop` nothing is allocated.
//!
//! Source: libcamera 0.7.1, `include/libcamera/controls.h` (types) and `src/libcamera/control_ids_core.yaml`, where a
//! control's number is its place in the file, from 1.

/// Controls of libcamera that this IPA takes or reports.
pub mod id {
    #![allow(missing_docs, reason = "each is libcamera's control of that name")]
    pub const AE_ENABLE: u32 = 1;
    pub const AE_STATE: u32 = 2;
    pub const AE_METERING_MODE: u32 = 3;
    pub const AE_CONSTRAINT_MODE: u32 = 4;
    pub const AE_EXPOSURE_MODE: u32 = 5;
    pub const EXPOSURE_VALUE: u32 = 6;
    pub const EXPOSURE_TIME: u32 = 7;
    pub const EXPOSURE_TIME_MODE: u32 = 8;
    pub const ANALOGUE_GAIN: u32 = 9;
    pub const ANALOGUE_GAIN_MODE: u32 = 10;
    pub const AE_FLICKER_MODE: u32 = 11;
    pub const AE_FLICKER_PERIOD: u32 = 12;
    pub const CONTRAST: u32 = 15;
    pub const LUX: u32 = 16;
    pub const AWB_ENABLE: u32 = 17;
    pub const AWB_MODE: u32 = 18;
    pub const AWB_LOCKED: u32 = 19;
    pub const COLOUR_GAINS: u32 = 20;
    pub const COLOUR_TEMPERATURE: u32 = 21;
    pub const SATURATION: u32 = 22;
    pub const SENSOR_BLACK_LEVELS: u32 = 23;
    pub const COLOUR_CORRECTION_MATRIX: u32 = 26;
    pub const DIGITAL_GAIN: u32 = 28;
    pub const GAMMA: u32 = 45;
}

/// Controls of the sensor's driver (kernel, `include/uapi/linux/v4l2-controls.h`).
pub mod v4l2 {
    #![allow(missing_docs, reason = "each is the kernel's control of that name")]
    pub const EXPOSURE: u32 = 0x0098_0911;
    pub const VBLANK: u32 = 0x009e_0901;
    pub const HBLANK: u32 = 0x009e_0902;
    pub const ANALOGUE_GAIN: u32 = 0x009e_0903;
    pub const PIXEL_RATE: u32 = 0x009f_0902;
}

/// Numbers in an array value; the longest that is used is a colour correction matrix.
pub const ARRAY: usize = 9;
/// Controls in a [`List`].
pub const LIST: usize = 40;

/// What a control is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A yes or no.
    Bool(bool),
    /// An unsigned number of 8 bits.
    Byte(u8),
    /// An unsigned number of 16 bits.
    U16(u16),
    /// An unsigned number of 32 bits.
    U32(u32),
    /// An integer of 32 bits, also a choice from a list.
    I32(i32),
    /// An integer of 64 bits.
    I64(i64),
    /// A floating point number.
    F32(f32),
    /// An array of integers of 32 bits.
    I32s(Few<i32>),
    /// An array of integers of 64 bits.
    I64s(Few<i64>),
    /// An array of floating point numbers.
    F32s(Few<f32>),
    /// A value of a type that no control of ours has (a rectangle, a string, ...): that it was there, and no more.
    Other,
}

/// At most [`ARRAY`] numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Few<T> {
    length: usize,
    items: [T; ARRAY],
}

impl<T: Copy + Default> Few<T> {
    /// The numbers; `None` if they are too many.
    pub fn new(items: &[T]) -> Option<Self> {
        let mut few = Self::default();
        few.items.get_mut(..items.len())?.copy_from_slice(items);
        few.length = items.len();
        Some(few)
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[T] {
        &self.items[..self.length]
    }
}

impl Value {
    /// A number, if it is an integer of any width.
    pub fn integer(self) -> Option<i64> {
        Some(match self {
            Self::Bool(value) => i64::from(value),
            Self::Byte(value) => i64::from(value),
            Self::U16(value) => i64::from(value),
            Self::U32(value) => i64::from(value),
            Self::I32(value) => i64::from(value),
            Self::I64(value) => value,
            _ => return None,
        })
    }
}

/// Limits of a control and its value when nobody set it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Info {
    /// Number of the control.
    pub id: u32,
    /// Smallest value.
    pub minimum: Value,
    /// Largest value.
    pub maximum: Value,
    /// Value when nobody set it.
    pub default: Value,
}

/// Controls and their values, each control once.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    length: usize,
    items: [Option<(u32, Value)>; LIST],
}

impl Default for List {
    fn default() -> Self {
        Self {
            length: 0,
            items: [None; LIST],
        }
    }
}

impl List {
    /// Sets a control. Returns false when the list is full, which then stays as it is.
    pub fn set(&mut self, id: u32, value: Value) -> bool {
        for item in self.items.iter_mut() {
            match item {
                Some((other, old)) if *other == id => {
                    *old = value;
                    return true;
                }
                Some(_) => {}
                None => {
                    *item = Some((id, value));
                    self.length += 1;
                    return true;
                }
            }
        }
        false
    }

    /// What a control is set to.
    pub fn get(&self, id: u32) -> Option<Value> {
        self.iter()
            .find(|(other, _)| *other == id)
            .map(|(_, value)| value)
    }

    /// Controls in the order in which they were set first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Value)> + '_ {
        self.items[..self.length].iter().flatten().copied()
    }

    /// Number of controls.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.items[..self.length].fill(None);
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_stands_once_and_a_full_list_refuses() {
        let mut list = List::default();
        for id in 0..LIST as u32 {
            assert!(list.set(id, Value::U32(id)));
        }
        assert!(!list.set(99, Value::Bool(true)));
        assert!(list.set(7, Value::F32(1.5)));
        assert_eq!(list.get(7), Some(Value::F32(1.5)));
        assert_eq!((list.len(), list.get(99)), (LIST, None));
        list.clear();
        assert_eq!((list.is_empty(), list.iter().count()), (true, 0));
    }

    #[test]
    fn an_array_has_nine_numbers_at_most() {
        assert_eq!(Few::new(&[1.0f32, 2.0]).unwrap().as_slice(), [1.0f32, 2.0]);
        assert!(Few::new(&[0i32; 10]).is_none());
    }
}
