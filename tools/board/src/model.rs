//! Which board: what its cameras are received with, and what a guest on it boots from.

/// Boards that can be modelled.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Raspberry Pi 5: RP1's receivers, the PiSP image processor.
    #[default]
    Rpi5,
    /// The receivers of NXP's i.MX 8M Mini behind RP1's window: no image processor, libcamera's own in software.
    Imx8mm,
}

/// A file of the guest: its path, and what is in it.
pub type GuestFile = (&'static str, &'static str);

/// Our IPA in libcamera's paths, and its software ISP on the CPU: the GPU that it takes by default would be software
/// again.
const SOFTWARE_ISP: GuestFile = (
    "/etc/libcamera/configuration.yaml",
    "version: 1
configuration:
  ipa:
    module_paths: [ /usr/local/lib/bayonet/libcamera ]
    proxy_paths: [ /usr/local/libexec/bayonet/libcamera ]
    config_paths: [ /usr/local/share/bayonet/libcamera/ipa ]
  software_isp:
    mode: cpu
",
);

impl Model {
    /// The sensor of both cameras, unless another one is asked for.
    pub const fn sensor(self) -> &'static str {
        match self {
            Self::Rpi5 => "imx283",
            // Its receivers take 10 bits where they can, and the kernel's driver of imx283 has its 10-bit mode unfinished:
            // it writes that the picture has no rows.
            Self::Imx8mm => "imx219",
        }
    }

    /// Image processors.
    pub const fn back_ends(self) -> usize {
        match self {
            // One a camera: an application that libcamera gave the second one must be served too.
            Self::Rpi5 => 2,
            Self::Imx8mm => 0,
        }
    }

    /// The device tree without the module, below `dt-overlays`.
    pub const fn base_tree(self) -> &'static str {
        match self {
            Self::Rpi5 => "virtual/rpi5.dts",
            Self::Imx8mm => "virtual/imx8mm.dts",
        }
    }

    /// The module's overlay for this board, below `dt-overlays`.
    pub const fn overlay(self) -> &'static str {
        match self {
            Self::Rpi5 => "boards/pi5.dts",
            Self::Imx8mm => "virtual/imx8mm-module.dts",
        }
    }

    /// What the guest's disk has on this board alone.
    pub const fn guest_files(self) -> &'static [GuestFile] {
        match self {
            Self::Rpi5 => &[],
            Self::Imx8mm => &[SOFTWARE_ISP],
        }
    }

    /// Whether pictures are made by libcamera's software ISP, and our IPA decides how.
    pub const fn software_isp(self) -> bool {
        match self {
            Self::Rpi5 => false,
            Self::Imx8mm => true,
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rpi5 => "Raspberry Pi 5",
            Self::Imx8mm => "board with an i.MX 8M Mini's receivers",
        }
    }
}
