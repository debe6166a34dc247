//! Boards, and what their overlays must offer.

/// A base tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// One that Debian's kernel package ships, below its `dtb` directory.
    Debian(&'static str),
    /// A tree with the documented labels and nothing else: `dt-overlays/bases`.
    Labels(&'static str),
}

/// One port: references without the ampersand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    pub(crate) i2c: &'static str,
    /// The receiver's node, or the port in it.
    pub(crate) csi: &'static str,
    pub(crate) supply: &'static str,
    pub(crate) lanes: u32,
}

/// A board.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    /// Name of its file in `dt-overlays/boards`.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    pub(crate) bases: &'static [Base],
    /// The main camera's by default.
    pub(crate) cam1: Port,
    /// The mount's by default.
    pub(crate) cam0: Option<Port>,
    pub(crate) sensors: &'static [&'static str],
    pub(crate) defaults: (&'static str, &'static str),
    /// I2C addresses that a part of the board has, by the bus.
    pub(crate) taken: &'static [(&'static str, u32)],
    /// Whether there is a shutter key's line.
    pub(crate) shutter: bool,
    /// Whether the receiver's driver has to be told to use the media controller.
    pub(crate) media_controller: bool,
}

impl Base {
    /// For people.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Debian(path) => format!("Debian's `{}`", path.rsplit('/').next().unwrap_or(path)),
            Self::Labels(name) => format!("labels alone (`bases/{name}.dts`)"),
        }
    }
}

const RASPBERRY_PI: &[&str] = &["imx283", "imx219", "imx477", "imx296"];
const MAINLINE: &[&str] = &["imx283", "imx219", "imx296"];

const fn port(i2c: &'static str, csi: &'static str, supply: &'static str, lanes: u32) -> Port {
    Port {
        i2c,
        csi,
        supply,
        lanes,
    }
}

/// What most boards have in common, and the main camera's port of none.
const COMMON: Board = Board {
    name: "",
    title: "",
    bases: &[],
    cam1: port("", "", "", 0),
    cam0: None,
    sensors: MAINLINE,
    defaults: ("imx283", "imx283"),
    taken: &[],
    shutter: true,
    media_controller: false,
};
const PI5: Board = Board {
    name: "pi5",
    title: "Raspberry Pi 5, Raspberry Pi kernel",
    bases: &[Base::Labels("pi5")],
    cam1: port("i2c_csi_dsi1", "csi1", "cam1_reg", 4),
    cam0: Some(port("i2c_csi_dsi0", "csi0", "cam0_reg", 4)),
    sensors: RASPBERRY_PI,
    ..COMMON
};

/// All boards.
pub(crate) const BOARDS: [Board; 10] = [
    PI5,
    Board {
        name: "cm5",
        title: "Compute Module 5, Raspberry Pi kernel",
        bases: &[Base::Labels("cm5")],
        ..PI5
    },
    Board {
        name: "pi4",
        title: "Raspberry Pi 4, Raspberry Pi kernel",
        bases: &[Base::Labels("pi4")],
        cam1: port("i2c_csi_dsi", "csi1", "cam1_reg", 2),
        sensors: &["imx219", "imx477", "imx296"],
        defaults: ("imx477", ""),
        media_controller: true,
        ..COMMON
    },
    Board {
        name: "cm4",
        title: "Compute Module 4, Raspberry Pi kernel",
        bases: &[Base::Labels("cm4")],
        cam1: port("i2c_csi_dsi", "csi1", "cam1_reg", 4),
        cam0: Some(port("i2c_csi_dsi0", "csi0", "cam0_reg", 2)),
        sensors: RASPBERRY_PI,
        defaults: ("imx283", "imx477"),
        media_controller: true,
        ..COMMON
    },
    Board {
        name: "pi5-mainline",
        title: "Raspberry Pi 5, mainline kernel",
        bases: &[
            Base::Debian("broadcom/bcm2712-rpi-5-b.dtb"),
            Base::Debian("broadcom/bcm2712-d-rpi-5-b.dtb"),
        ],
        cam1: port("rp1_i2c4", "rp1_csi1", "cam1_reg", 4),
        cam0: Some(port("rp1_i2c6", "rp1_csi0", "cam0_reg", 4)),
        ..COMMON
    },
    Board {
        name: "pi4-mainline",
        title: "Raspberry Pi 4, mainline kernel",
        bases: &[Base::Debian("broadcom/bcm2711-rpi-4-b.dtb")],
        cam1: port("i2c0_1", "csi1", "cam1_reg", 2),
        sensors: &["imx219", "imx296"],
        defaults: ("imx219", ""),
        ..COMMON
    },
    Board {
        name: "cm4-mainline",
        title: "Compute Module 4, mainline kernel",
        bases: &[Base::Debian("broadcom/bcm2711-rpi-cm4-io.dtb")],
        cam1: port("i2c0_1", "csi1", "cam_reg", 4),
        cam0: Some(port("i2c0_0", "csi0", "cam_reg", 2)),
        defaults: ("imx283", "imx219"),
        ..COMMON
    },
    Board {
        name: "rock-5b",
        title: "Radxa ROCK 5B, mainline kernel",
        bases: &[Base::Debian("rockchip/rk3588-rock-5b.dtb")],
        cam1: port("i2c3", "csi2_in", "vcc_3v3_s3", 4),
        defaults: ("imx283", ""),
        ..COMMON
    },
    Board {
        name: "rock-5b-plus",
        title: "Radxa ROCK 5B+, mainline kernel",
        bases: &[Base::Debian("rockchip/rk3588-rock-5b-plus.dtb")],
        cam1: port("i2c4", "csi4_in", "vcc_3v3_s3", 4),
        cam0: Some(port("i2c3", "csi2_in", "vcc_3v3_s3", 4)),
        ..COMMON
    },
    Board {
        name: "imx8mp-evk",
        title: "NXP i.MX 8M Plus EVK, mainline kernel",
        bases: &[Base::Debian("freescale/imx8mp-evk.dtb")],
        cam1: port("i2c2", "mipi_csi_0", "reg_vext_3v3", 4),
        cam0: Some(port("i2c3", "mipi_csi_1", "reg_vext_3v3", 4)),
        defaults: ("imx283", "imx219"),
        // The audio codec.
        taken: &[("i2c3", 0x1a)],
        shutter: false,
        ..COMMON
    },
];

/// Lanes that a sensor's endpoint asks for.
pub(crate) fn lanes(sensor: &str) -> u32 {
    match sensor {
        "imx283" => 4,
        "imx296" => 1,
        _ => 2,
    }
}

/// The sensor's I2C address.
pub(crate) fn address(sensor: &str) -> u32 {
    if sensor == "imx219" { 0x10 } else { 0x1a }
}

impl Board {
    /// Why a sensor cannot work at a port; `None` where it can.
    pub(crate) fn conflict(&self, port: Port, sensor: &str) -> Option<&'static str> {
        if lanes(sensor) > port.lanes {
            return Some("lanes");
        }
        let taken = self.taken.contains(&(port.i2c, address(sensor)));
        taken.then_some("address")
    }
}
