//! RP1, the I/O chip of the Raspberry Pi 5, one file per register block.
