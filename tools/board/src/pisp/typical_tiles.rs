//! Tiles as libpisp 1.2.1 cuts them (`backend_prepare.cpp` and `tiling/`), for tests and benchmarks.
//!
//! Knows one output, and leaves out what only matters for images hardly wider than a tile and where mirrored
//! tiles begin in memory.

use super::layout::{TILE_SIZE, tile};
use super::typical::{Job, UNITY, compressed_stride, put, put_u16s};

impl Job {
    /// `struct pisp_tile` for every tile, row by row.
    pub(crate) fn tiles(&self) -> Vec<u8> {
        let (columns, rows) = (self.spans(0), self.spans(1));
        let mut bytes = vec![0; TILE_SIZE * columns.len() * rows.len()];
        let tiles = bytes.chunks_exact_mut(TILE_SIZE);
        for (tile, (y, x)) in tiles.zip(
            rows.iter()
                .flat_map(|y| columns.iter().map(move |x| (y, x))),
        ) {
            self.put_tile(tile, x, y);
        }
        bytes
    }

    fn put_tile(&self, bytes: &mut [u8], x: &Span, y: &Span) {
        let branch = self.branch;
        let word = |value: i64| (value as u32).to_le_bytes();
        let mut short = |offset: usize, value: i64| put_u16s(bytes, offset, &[value as u16]);
        let two = 2 * branch;
        for (span, at) in [
            (
                x,
                [
                    tile::INPUT_OFFSET_X,
                    tile::INPUT_WIDTH,
                    tile::CROP_X_START,
                    tile::CROP_X_END,
                ],
            ),
            (
                y,
                [
                    tile::INPUT_OFFSET_Y,
                    tile::INPUT_HEIGHT,
                    tile::CROP_Y_START,
                    tile::CROP_Y_END,
                ],
            ),
        ] {
            short(at[0], span.input.0);
            short(at[1], span.input.1 - span.input.0);
            short(at[2] + two, span.cropped.0 - span.input.0);
            short(at[3] + two, span.input.1 - span.cropped.1);
        }
        short(tile::RESAMPLE_IN_WIDTH + two, x.resample.1 - x.resample.0);
        short(tile::RESAMPLE_IN_HEIGHT + two, y.resample.1 - y.resample.0);
        let [width, height] = self.output.map(i64::from);
        let (out_width, out_height) = (x.output.1 - x.output.0, y.output.1 - y.output.0);
        let left = if self.transform & 1 != 0 {
            width - x.output.1
        } else {
            x.output.0
        };
        let top = if self.transform & 2 != 0 {
            height - y.output.0 - 1
        } else {
            y.output.0
        };
        for (offset, value) in [
            (tile::OUTPUT_OFFSET_X, left),
            (tile::OUTPUT_OFFSET_Y, top),
            (tile::OUTPUT_WIDTH, out_width),
            (tile::OUTPUT_HEIGHT, out_height),
        ] {
            short(offset + two, value);
        }
        for plane in 0..3 {
            for (offset, value) in [
                (tile::DOWNSCALE_PHASE_X, x.downscale_phase),
                (tile::DOWNSCALE_PHASE_Y, y.downscale_phase),
                (tile::RESAMPLE_PHASE_X, x.resample_phase),
                (tile::RESAMPLE_PHASE_Y, y.resample_phase),
            ] {
                short(offset + 4 * plane + two, value);
            }
        }
        bytes[tile::EDGE] = u8::from(x.first)
            | u8::from(x.last) << 1
            | u8::from(y.first) << 2
            | u8::from(y.last) << 3;
        let stride = i64::from(compressed_stride(self.input[0]));
        put(
            bytes,
            tile::INPUT_ADDR_OFFSET,
            word(y.input.0 * stride + x.input.0),
        );
        for (offset, start, size) in [
            (tile::LSC_GRID_OFFSET_X, x.input.0, self.input[0]),
            (tile::LSC_GRID_OFFSET_Y, y.input.0, self.input[1]),
        ] {
            put(
                bytes,
                offset,
                word(start * ((32_i64 << 18) / i64::from(size))),
            );
        }
        let [stride, stride2] = self.strides().map(i64::from);
        let bytes_x = match (
            self.format >> 4 & 3,
            self.format >> 8 & 3,
            self.format & 0x10_0000,
        ) {
            (0, 0, 0) => 3 * left,
            (0, 0, _) => 4 * left,
            (0, _, _) => 2 * left,
            _ => left,
        };
        put(
            bytes,
            tile::OUTPUT_ADDR_OFFSET + 4 * branch,
            word(top * stride + bytes_x),
        );
        let (chroma_x, chroma_y) = match (self.format >> 4 & 3, self.format >> 8 & 3) {
            (2, 2) => (left / 2, top / 2),
            (2, 1) => (left / 2, top),
            (_, 2) => (left, top / 2),
            _ => (left, top),
        };
        put(
            bytes,
            tile::OUTPUT_ADDR_OFFSET2 + 4 * branch,
            word(chroma_y * stride2 + chroma_x),
        );
    }

    /// What the ends of tiles should and must be multiples of: 64 and 16 bytes, whole chroma samples.
    fn alignment(&self, axis: usize) -> (i64, i64) {
        if axis == 1 {
            let rows = if self.format & 0x300 == 0x200 { 2 } else { 1 };
            return (rows, rows);
        }
        let pixel = if self.format & 0x10_0000 != 0 { 4 } else { 1 };
        (64 / pixel, 16 / pixel)
    }

    /// Cuts one axis.
    fn spans(&self, axis: usize) -> Vec<Span> {
        const CONTEXT: i64 = 16;
        let size = i64::from(self.input[axis]);
        let (crop_start, crop_size) = (i64::from(self.crop[axis]), i64::from(self.crop[2 + axis]));
        let resample_size = i64::from(self.scaled(axis));
        let out_size = i64::from(self.output[axis]);
        let max = i64::from(self.max_tile[axis]);
        let factor = self.resample_factor(axis);
        let downscale = self.downscale_factor(axis);
        let input_align = if axis == 0 { 8 } else { 2 };
        let (preferred, least) = self.alignment(axis);
        let mut spans = Vec::<Span>::new();
        let mut start = 0;
        while start < out_size {
            let first = spans.is_empty();
            let resample_start = ((start * factor) >> 12) - 2;
            let resample_start = if first {
                resample_start.max(0)
            } else {
                resample_start
            };
            let cropped_start =
                downscale.map_or(resample_start, |factor| (resample_start * factor) >> 12);
            let wanted = (cropped_start + crop_start - CONTEXT).max(0);
            let input_start = wanted - wanted % input_align;
            // How far this input goes.
            let mut end = (input_start + max).min(size);
            if end < size {
                end -= end % 2 + CONTEXT;
            }
            end = (end - crop_start).min(crop_size);
            end = downscale.map_or(end, |factor| ((end << 12) / factor).min(resample_size));
            let last_sample = if end < resample_size {
                end - 1 - 5
            } else {
                end - 1
            };
            let mut out_end = (((last_sample << 12) + UNITY - 1) / factor + 1)
                .min(out_size)
                .min(start + max);
            if out_end < out_size {
                let aligned = out_end - out_end % preferred;
                out_end = if aligned >= start + preferred {
                    aligned
                } else {
                    out_end - out_end % least
                };
            }
            assert!(out_end > start, "tiles too small");
            // What this output needs.
            let resample_end = ((((out_end - 1) * factor) >> 12) + 6).min(resample_size);
            let cropped_end = downscale.map_or(resample_end, |factor| {
                ((resample_end * factor + UNITY - 1) >> 12).min(crop_size)
            });
            let wanted = cropped_end + crop_start + CONTEXT;
            let input_end = (wanted + input_align - 1) / input_align * input_align;
            spans.push(Span {
                first,
                last: out_end == out_size,
                input: (input_start, input_end.min(size)),
                cropped: (cropped_start + crop_start, cropped_end + crop_start),
                resample: (resample_start, resample_end),
                output: (start, out_end),
                downscale_phase: downscale.map_or(0, |factor| {
                    UNITY - ((resample_start * factor) & (UNITY - 1))
                }),
                resample_phase: (((start * 16 * factor) >> 12) % 16) << 8,
            });
            start = out_end;
        }
        spans
    }
}

/// One tile along one axis: starts and ends in the coordinates of each stage.
struct Span {
    first: bool,
    last: bool,
    input: (i64, i64),
    cropped: (i64, i64),
    resample: (i64, i64),
    output: (i64, i64),
    downscale_phase: i64,
    resample_phase: i64,
}
