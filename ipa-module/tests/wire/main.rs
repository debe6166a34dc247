//! The codec against an encoder and a decoder that were written from libcamera's sources. What belongs here: bytes in,
//! values out, and the other way round; a worker on a socket is in `worker.rs`.

mod broken;
#[path = "../client/mod.rs"]
mod client;
mod golden;
mod round_trip;
