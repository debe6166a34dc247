//! What makes the shared object a module: one symbol, by which libcamera chooses it for a pipeline.
//!
//! The module is never run. libcamera finds no signature that it trusts beside it, so it starts the worker, which it
//! finds by name.
//!
//! Source: libcamera 0.7.1, `include/libcamera/ipa/ipa_module_info.h` and `src/libcamera/ipa_module.cpp`.

/// Bytes of `struct IPAModuleInfo`, which is packed.
pub const SIZE: usize = 4 + 4 + 2 * TEXT;
const TEXT: usize = 256;

/// Version of that structure, the same in every libcamera so far.
const API_VERSION: u32 = 1;
/// Version of the pipeline `simple` that the module is for.
const PIPELINE_VERSION: u32 = 0;
/// The pipeline that libcamera's software ISP belongs to.
const PIPELINE: &[u8] = b"simple";
/// Names the module and the folder of its tuning files; in `LIBCAMERA_BAYONET_TUNING_FILE` too.
const NAME: &[u8] = b"bayonet";

const fn put<const N: usize>(mut to: [u8; N], at: usize, bytes: &[u8]) -> [u8; N] {
    let mut index = 0;
    while index < bytes.len() {
        to[at + index] = bytes[index];
        index += 1;
    }
    to
}

const fn info() -> [u8; SIZE] {
    let info = put([0; SIZE], 0, &API_VERSION.to_ne_bytes());
    let info = put(info, 4, &PIPELINE_VERSION.to_ne_bytes());
    let info = put(info, 8, PIPELINE);
    put(info, 8 + TEXT, NAME)
}

/// The module's description. libcamera reads it in the file, without loading that.
#[unsafe(no_mangle)]
#[expect(
    unsafe_code,
    reason = "the name is libcamera's, and nothing else in this program has it"
)]
pub static ipaModuleInfo: [u8; SIZE] = info();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_libcameras_structure() {
        let info = &ipaModuleInfo;
        assert_eq!(info.len(), 520);
        assert_eq!(info[..8], [1u32.to_ne_bytes(), 0u32.to_ne_bytes()].concat());
        assert_eq!(info[8..16], *b"simple\0\0");
        assert_eq!(info[264..272], *b"bayonet\0");
        assert!(info[272..].iter().all(|&byte| byte == 0));
    }
}
