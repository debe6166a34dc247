//! Frames between the host and the agent in the guest; either end may be talked to in nonsense.

#![no_main]

use bayonet_guest::wire::{Decoder, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte says how the stream is cut.
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    let mut decoder = Decoder::default();
    for piece in stream.chunks(usize::from(cut) + 1) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => {
                    let mut again = Decoder::default();
                    again.push(&encode(&frame).expect("a frame that fitted"));
                    assert_eq!(again.next_frame(), Ok(Some(frame)));
                    assert_eq!(again.finish(), Ok(()));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
