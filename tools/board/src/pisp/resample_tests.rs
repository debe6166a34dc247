use proptest::prelude::*;

use super::*;
use crate::pisp::tiles::Pair;

const ALL: Chroma = Chroma {
    columns: 1,
    rows: 1,
};

/// Phase p blends the two middle samples, p + 0.5 sixteenths apart.
fn linear() -> Filter {
    let mut filter = [[0; TAPS]; PHASES];
    for (phase, taps) in filter.iter_mut().enumerate() {
        taps[3] = 32 + 64 * phase as i16;
        taps[2] = 1024 - taps[3];
    }
    filter
}

/// Scales columns by `factor` and leaves rows alone.
fn scale(
    filter: Filter,
    factor: u32,
    values: &[u16],
    width: u16,
    edge: u8,
    phase: u16,
) -> Vec<u16> {
    let settings = Settings {
        horizontal: factor,
        vertical: 1 << PRECISION,
        filter,
    };
    let part = TileBranch {
        output_size: Pair { x: width, y: 16 },
        resample_phase: [Pair { x: phase, y: 0 }; 3],
        ..TileBranch::default()
    };
    let mut scaler = Resampler::default();
    scaler.begin(&settings, &part, edge | EDGE_TOP, values.len(), 16);
    let mut out = Vec::new();
    for _ in 0..16 {
        scaler.push([values; 3]);
        while let (true, Some(planes)) = (out.len() < 16, scaler.pull(ALL)) {
            out.push(planes[0].clone());
        }
    }
    assert_eq!(out.len(), 16);
    assert!(out.iter().all(|row| *row == out[0]));
    out.swap_remove(0)
}

#[test]
fn identity_and_whole_steps() {
    let mut filter = [[0; TAPS]; PHASES];
    filter[0][2] = 1024;
    let values: Vec<u16> = (0..40).map(|x| x * 1600).collect();
    assert_eq!(
        scale(filter, 1 << PRECISION, &values, 40, EDGE_LEFT, 0),
        values
    );
    let halves: Vec<u16> = values.iter().copied().step_by(2).collect();
    assert_eq!(
        scale(filter, 2 << PRECISION, &values, 20, EDGE_LEFT, 0),
        halves
    );
    // A tile that is not the first brings two samples of context.
    assert_eq!(
        scale(filter, 1 << PRECISION, &values, 30, 0, 0),
        values[2..32]
    );
}

#[test]
fn ramps_stay_ramps() {
    // Upscaling by four: a place and its phase's centre differ by 1/32 of a pixel.
    let values: Vec<u16> = (0..64).map(|x| 320 + 320 * x).collect();
    let out = scale(linear(), 1024, &values, 200, EDGE_LEFT, 0);
    for (x, value) in out.iter().enumerate() {
        assert_eq!(i32::from(*value), 320 + 80 * x as i32 + 10);
    }
}

#[test]
fn the_last_sample_is_repeated() {
    let out = scale(linear(), 1 << PRECISION, &[100, 200, 300], 6, EDGE_LEFT, 0);
    assert_eq!(out[2..], [300; 4]);
}

#[test]
fn chroma_rows_are_left_out() {
    let settings = Settings {
        horizontal: 1 << PRECISION,
        vertical: 1 << PRECISION,
        filter: linear(),
    };
    let part = TileBranch {
        output_size: Pair { x: 4, y: 4 },
        ..TileBranch::default()
    };
    let mut scaler = Resampler::default();
    scaler.begin(&settings, &part, EDGE_LEFT | EDGE_TOP, 4, 4);
    let mut rows = Vec::new();
    for y in 0..4 {
        scaler.push([&[y * 1000; 4]; 3]);
        while let (true, Some(planes)) = (
            rows.len() < 4,
            scaler.pull(Chroma {
                columns: 2,
                rows: 2,
            }),
        ) {
            rows.push((planes[0][0], planes[1][0], planes[1][1]));
        }
    }
    assert_eq!(
        rows,
        [(31, 31, 0), (1031, 31, 0), (2031, 2031, 0), (3000, 2031, 0)]
    );
}

proptest! {
    #[test]
    fn flat_stays_flat(value: u16, factor in 256u32..0x1_0000, phase in 0u16..8192, width in 1u16..300, columns in 1usize..300, edge in 0u8..2) {
        let out = scale(linear(), factor, &vec![value; columns], width, edge, phase);
        prop_assert_eq!(out, vec![value; width.into()]);
    }
}
