//! Lens profiles: files of any content. What is accepted recognises, and corrects within bounds.

#![no_main]

use bayonet_core::lens::{Lens, LensPins, Library, Profile, identify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Profile::parse(text) {
        Ok(profile) => {
            let [a, b, c] = profile.vignetting;
            for step in 0..=16 {
                let u = f64::from(step) / 16.0;
                let light = 1.0 + u * (a + u * (b + u * c));
                assert!((0.049..4.001).contains(&light), "{light} of the light");
            }
            let mut library = Library::default();
            library.add(profile.clone());
            for code in &profile.codes {
                let pins = LensPins::new(code.code, code.frame.unwrap_or(0)).expect("pins");
                assert_eq!(identify(pins, None, &library), Lens::Known(&profile));
            }
        }
        Err(error) => assert!((1..=1 + text.matches('\n').count()).contains(&error.line)),
    }
});
