//! Tiles in JPEG XL (ISO/IEC 18181-1:2024), as DNG 1.7 has them: an encoder of our own, lossless and simple, and
//! `jxl-oxide` as decoder.

mod contexts;
mod decode;
mod encode;
mod prefix;

pub(super) use decode::decode;
pub(super) use encode::Encoder;

#[cfg(test)]
mod tests;
