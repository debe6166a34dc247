//! What `bayonet` knows of files that others write too, so that it can be fuzzed by itself.

pub mod libcamera_configuration;
