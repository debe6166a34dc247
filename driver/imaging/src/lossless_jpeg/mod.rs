//! Lossless JPEG (ITU-T T.81 process 14, SOF3), as DNG has it: an encoder for tiles of colour filter arrays, and a
//! decoder for what others wrote.

mod decode;
mod encode;
mod huffman;

pub use decode::{Decoded, Error, decode};
pub use encode::{Encoder, Tile};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOF3: u8 = 0xc3;
const DHT: u8 = 0xc4;
const SOS: u8 = 0xda;
const DRI: u8 = 0xdd;
const RST0: u8 = 0xd0;

#[cfg(test)]
mod tests;
