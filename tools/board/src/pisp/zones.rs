//! Zones of the statistics: rectangles in rows and columns, at places that settings choose.

use std::ops::Range;

use super::layout::u16_at;

/// Zones side by side along one axis, in pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Axis {
    pub(crate) offset: usize,
    pub(crate) size: usize,
    pub(crate) pitch: usize,
}

impl Axis {
    pub(crate) fn read(config: &[u8], offset: usize, index: usize) -> Self {
        let size = usize::from(u16_at(config, offset + 4 + 2 * index));
        Self {
            offset: usize::from(u16_at(config, offset + 2 * index)),
            size,
            pitch: size,
        }
    }

    /// Number of the zone that holds `position`.
    pub(crate) fn zone(&self, position: usize, zones: usize) -> Option<usize> {
        let inside = position.checked_sub(self.offset)?;
        let zone = inside.checked_div(self.pitch)?;
        (zone < zones && inside % self.pitch < self.size).then_some(zone)
    }

    /// Quads that zone `zone` covers of a row of `quads`.
    pub(crate) fn quads(&self, zone: usize, quads: usize) -> Range<usize> {
        let start = self.offset + zone * self.pitch;
        (start / 2).min(quads)..((start + self.size) / 2).min(quads)
    }
}

/// A rectangular arrangement of zones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grid {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Grid {
    /// Reads `offset_x, offset_y, size_x, size_y`.
    pub(crate) fn read(config: &[u8], offset: usize) -> Self {
        Self {
            x: Axis::read(config, offset, 0),
            y: Axis::read(config, offset, 1),
        }
    }
}
