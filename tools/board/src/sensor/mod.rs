//! Image sensors as I2C register files.
