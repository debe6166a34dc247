//! Which processor libcamera's software ISP runs on, found as libcamera finds it.
//!
//! Source: libcamera 0.7.1, `src/libcamera/global_configuration.cpp` and `software_isp.cpp`: the environment goes
//! first, then the first configuration file that is there; nothing is merged; without either it is the GPU.

use crate::algorithms::colour_correction::Processor;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Overrides `software_isp.mode`.
const MODE: &str = "LIBCAMERA_SOFTISP_MODE";
/// Configuration files of the system, as Debian's libcamera and one of one's own have them.
const FILES: [&str; 4] = [
    "/etc/libcamera/configuration.yaml",
    "/usr/share/libcamera/configuration.yaml",
    "/usr/local/etc/libcamera/configuration.yaml",
    "/usr/local/share/libcamera/configuration.yaml",
];
/// Longer files are not read.
const LONGEST: u64 = 1 << 20;

#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    configuration: Sections,
}

#[derive(Default, Deserialize)]
struct Sections {
    #[serde(default)]
    software_isp: SoftwareIsp,
}

#[derive(Default, Deserialize)]
struct SoftwareIsp {
    mode: Option<String>,
}

/// The processor of this process's libcamera.
pub fn processor() -> Processor {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let own = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let own = own.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")));
    let own = own.map(|directory| directory.join("libcamera/configuration.yaml"));
    let files = own.into_iter().chain(FILES.map(PathBuf::from));
    let text = files
        .into_iter()
        .find(|file| file.is_file())
        .and_then(|file| {
            let short = file
                .metadata()
                .is_ok_and(|metadata| metadata.len() <= LONGEST);
            short.then(|| std::fs::read_to_string(file).ok()).flatten()
        });
    chosen(variable(MODE).as_deref(), text.as_deref())
}

fn chosen(environment: Option<&str>, file: Option<&str>) -> Processor {
    let mode = environment.map(str::to_owned).or_else(|| {
        // A file that libcamera cannot read either is as if there were none.
        let file: File = serde_saphyr::from_str(file?).ok()?;
        file.configuration.software_isp.mode
    });
    match mode.as_deref() {
        Some("cpu") => Processor::Cpu,
        _ => Processor::Gpu,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_before_the_file_and_the_gpu_is_the_default() {
        let cpu = "version: 1\nconfiguration:\n  software_isp: { mode: cpu, threads: 2 }\n  ipa:\n    module_paths: [/a]\n";
        assert_eq!(chosen(None, None), Processor::Gpu);
        assert_eq!(chosen(None, Some(cpu)), Processor::Cpu);
        assert_eq!(chosen(Some("gpu"), Some(cpu)), Processor::Gpu);
        assert_eq!(chosen(Some("cpu"), None), Processor::Cpu);
        assert_eq!(chosen(None, Some("version: 1\n")), Processor::Gpu);
        assert_eq!(chosen(None, Some("[")), Processor::Gpu);
    }
}
