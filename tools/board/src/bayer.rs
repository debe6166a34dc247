//! Colour filter array order, numbered as the PiSP registers number it.

/// Colours of the top left 2x2 quad, read row by row.
///
/// The discriminants are those of `pisp_bayer_order` (kernel uapi `pisp_common.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BayerOrder {
    /// Red, green / green, blue.
    Rggb = 0,
    /// Green, blue / red, green.
    Gbrg = 1,
    /// Blue, green / green, red.
    Bggr = 2,
    /// Green, red / blue, green.
    Grbg = 3,
}

/// Colour of one photosite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Red.
    Red = 0,
    /// Green.
    Green = 1,
    /// Blue.
    Blue = 2,
}

impl BayerOrder {
    /// Order whose register value is `value & 3`.
    pub const fn from_register(value: u8) -> Self {
        match value & 3 {
            0 => Self::Rggb,
            1 => Self::Gbrg,
            2 => Self::Bggr,
            _ => Self::Grbg,
        }
    }

    /// Colour at column `x` and row `y`.
    pub const fn colour(self, x: usize, y: usize) -> Colour {
        match (self.red_x() ^ (x & 1), self.red_y() ^ (y & 1)) {
            (0, 0) => Colour::Red,
            (1, 1) => Colour::Blue,
            _ => Colour::Green,
        }
    }

    /// Column (0 or 1) of the red photosite in the quad.
    pub const fn red_x(self) -> usize {
        match self {
            Self::Rggb | Self::Gbrg => 0,
            Self::Bggr | Self::Grbg => 1,
        }
    }

    /// Row (0 or 1) of the red photosite in the quad.
    pub const fn red_y(self) -> usize {
        match self {
            Self::Rggb | Self::Grbg => 0,
            Self::Gbrg | Self::Bggr => 1,
        }
    }

    /// Order after mirroring columns (an even number of them).
    pub const fn mirrored_x(self) -> Self {
        match self {
            Self::Rggb => Self::Grbg,
            Self::Grbg => Self::Rggb,
            Self::Gbrg => Self::Bggr,
            Self::Bggr => Self::Gbrg,
        }
    }

    /// Order after mirroring rows (an even number of them).
    pub const fn mirrored_y(self) -> Self {
        match self {
            Self::Rggb => Self::Gbrg,
            Self::Gbrg => Self::Rggb,
            Self::Grbg => Self::Bggr,
            Self::Bggr => Self::Grbg,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [BayerOrder; 4] = [
        BayerOrder::Rggb,
        BayerOrder::Gbrg,
        BayerOrder::Bggr,
        BayerOrder::Grbg,
    ];

    #[test]
    fn mirroring_moves_colours() {
        for order in ALL {
            for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                assert_eq!(order.mirrored_x().colour(x, y), order.colour(x ^ 1, y));
                assert_eq!(order.mirrored_y().colour(x, y), order.colour(x, y ^ 1));
            }
            assert_eq!(BayerOrder::from_register(order as u8), order);
        }
    }
}
