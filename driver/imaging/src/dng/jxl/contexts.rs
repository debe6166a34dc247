//! Which prefix code an error has: by how bright the sample to its left is, and by how much neighbours differ, across
//! and down. What is much and what is little is told by the tile itself. Nothing is allocated.

use super::encode::Bits;
use super::prefix::{Code, SYMBOLS};

/// Codes: halves of brightness times levels of difference.
pub(super) const CLUSTERS: usize = HALVES * LEVELS;
const HALVES: usize = 2;
/// A level for each threshold that one of the two differences is above; all above the last one are one.
const LEVELS: usize = 4;
/// Parts of a half's differences that are below its thresholds, in tenths.
const BELOW: [usize; 2] = [5, 8];
/// One in so many samples is looked at.
const LOOKED_AT: usize = 61;

/// Predictor `AvgAll` (table H.3), and properties (table H.4): what is to the left; that less what is above it; and that
/// less what is above the sample.
const AVERAGE_ALL: u32 = 13;
const PROPERTIES: [u32; 3] = [7, 10, 11];
/// Ranges in which the tree tells apart: two of brightness, and of a difference, which has a sign here, two on either
/// side of the smallest ones.
const RANGES: [usize; 3] = [HALVES, SIDES, SIDES];
const SIDES: usize = 2 * BELOW.len() + 1;
const LEAVES: usize = HALVES * SIDES * SIDES;
const NODES: usize = 2 * LEAVES - 1;

/// Thresholds of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contexts {
    brightness: i32,
    /// Of the darker half and the brighter one; of both differences; rising, none below 0.
    differences: [[[i32; 2]; 2]; HALVES],
}

impl Contexts {
    /// Those that part a tile's samples well; `looked_at` is only for its memory.
    pub(super) fn of(samples: &[u16], width: usize, looked_at: &mut Vec<[u16; 3]>) -> Self {
        // At the beginning of a row these are no neighbours, which does not matter.
        let places = (width + 1..samples.len()).step_by(LOOKED_AT);
        let found = places.map(|at| {
            let [left, top_left, top] = [at - 1, at - width - 1, at - width].map(|at| samples[at]);
            [left, left.abs_diff(top_left), top_left.abs_diff(top)]
        });
        looked_at.clear();
        looked_at.extend(found);
        if looked_at.is_empty() {
            looked_at.push([0; 3]);
        }
        looked_at.sort_unstable_by_key(|found| found[0]);
        let middle = looked_at.len() / 2;
        let brightness = looked_at[middle][0].into();
        let (darker, brighter) = looked_at.split_at_mut(middle);
        let differences = [darker, brighter].map(|half| [1, 2].map(|which| parts(half, which)));
        Self {
            brightness,
            differences,
        }
    }

    /// The code of the error at a place with these neighbours.
    #[inline(always)]
    pub(super) fn cluster(&self, left: i32, top_left: i32, top: i32) -> u32 {
        let is_brighter = left > self.brightness;
        let [darker, brighter] = self.differences;
        let [across, down] = if is_brighter { brighter } else { darker };
        let (differs_down, differs_across) = ((left - top_left).abs(), (top_left - top).abs());
        let level: u32 = across
            .map(|threshold| u32::from(differs_down > threshold))
            .into_iter()
            .chain(down.map(|threshold| u32::from(differs_across > threshold)))
            .sum();
        u32::from(is_brighter) * LEVELS as u32 + level.min(LEVELS as u32 - 1)
    }

    /// H.4.2: the tree of contexts. Its numbers are one cluster of a code of their own.
    pub(super) fn write_tree(&self, to: &mut Bits, out: &mut Vec<u8>) {
        let numbers = || regions().into_iter().flat_map(|region| self.node(&region));
        // Symbols are lengths of numbers.
        let split = |number: u32| match number.checked_ilog2() {
            None => (0, 0, 0),
            Some(length) => (1 + length, number - (1 << length), length),
        };
        let mut frequencies = [0; SYMBOLS];
        numbers().for_each(|number| frequencies[split(number).0 as usize] += 1);
        let code = Code::new(&frequencies);
        // No repetition; all six kinds of numbers in one cluster; prefix codes.
        to.put(0, 1, out);
        to.put(1, 1, out);
        to.put(0, 2, out);
        to.put(1, 1, out);
        // Symbols begin at length 0.
        to.put(0, 4, out);
        code.write_alphabet(to, out);
        code.write(to, out);
        for number in numbers() {
            let (symbol, value, behind) = split(number);
            let (code, length) = code.symbols[symbol as usize];
            to.put(code.into(), length, out);
            to.put(value, behind as u8, out);
        }
    }

    /// Numbers of a node: the property that it asks for, plus one, and what that is to be larger than; or of a leaf: 0, a
    /// predictor, and no offset and multiplier.
    fn node(&self, region: &Region) -> impl Iterator<Item = u32> + use<> {
        let (numbers, count) = match region.middle() {
            Some((axis, middle)) => {
                let threshold = self.threshold(region, axis, middle);
                let folded = (threshold << 1 ^ threshold >> 31).cast_unsigned();
                ([PROPERTIES[axis] + 1, folded, 0, 0, 0], 2)
            }
            None => ([0, AVERAGE_ALL, 0, 0, 0], 5),
        };
        numbers.into_iter().take(count)
    }

    /// What parts a range of an axis from the next one.
    fn threshold(&self, region: &Region, axis: usize, range: usize) -> i32 {
        let Some(difference) = axis.checked_sub(1) else {
            return self.brightness;
        };
        let [small, large] = self.differences[region.ranges[0].0][difference];
        [-large - 1, -small - 1, small, large][range]
    }
}

/// Thresholds of one difference of some places: strictly rising, for a tree must not ask twice for one value.
fn parts(half: &mut [[u16; 3]], which: usize) -> [i32; 2] {
    let count = half.len();
    let [small, large] = BELOW.map(|tenths| {
        let place = count * tenths / 10;
        match place < count {
            true => half
                .select_nth_unstable_by_key(place, |found| found[which])
                .1[which]
                .into(),
            false => 0,
        }
    });
    [small, large.max(small + 1)]
}

/// A node of the tree: the ranges of each axis that lead to it, the first and the last one.
#[derive(Clone, Copy, Debug)]
struct Region {
    ranges: [(usize, usize); 3],
}

impl Region {
    /// The axis that it parts next, and the last range of the lower part; none where one range of each is left.
    fn middle(&self) -> Option<(usize, usize)> {
        let axis = self.ranges.iter().position(|(first, last)| first < last)?;
        let (first, last) = self.ranges[axis];
        Some((axis, usize::midpoint(first, last)))
    }

    /// The code of a leaf.
    fn cluster(&self) -> u32 {
        let [half, across, down] = self.ranges.map(|(range, _)| range);
        let level = across.abs_diff(BELOW.len()) + down.abs_diff(BELOW.len());
        (half * LEVELS + level.min(LEVELS - 1)) as u32
    }
}

/// All nodes, row by row, larger values first.
fn regions() -> [Region; NODES] {
    let ranges = RANGES.map(|count| (0, count - 1));
    let mut nodes = [Region { ranges }; NODES];
    let mut count = 1;
    for at in 0..NODES {
        let node = nodes[at];
        let Some((axis, middle)) = node.middle() else {
            continue;
        };
        let [mut larger, mut smaller] = [node; 2];
        larger.ranges[axis].0 = middle + 1;
        smaller.ranges[axis].1 = middle;
        nodes[count..count + 2].copy_from_slice(&[larger, smaller]);
        count += 2;
    }
    nodes
}

/// Codes of the leaves, as they come.
pub(super) fn clusters() -> impl Iterator<Item = u32> {
    let leaves = regions().into_iter();
    leaves
        .filter(|node| node.middle().is_none())
        .map(|leaf| leaf.cluster())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_all_its_leaves_and_codes() {
        assert_eq!(clusters().count(), LEAVES);
        for cluster in 0..CLUSTERS as u32 {
            assert!(clusters().any(|other| other == cluster), "{cluster}");
        }
    }

    #[test]
    fn thresholds_rise_whatever_the_tile_is() {
        let ramp: Vec<u16> = (0..64 * 64).map(|at| at % 64 * (at / 64)).collect();
        for samples in [&ramp[..], &[7; 32 * 32], &[65_535; 2], &[3]] {
            let contexts = Contexts::of(samples, 32, &mut Vec::new());
            for &[small, large] in contexts.differences.as_flattened() {
                assert!(0 <= small && small < large, "{contexts:?}");
            }
        }
    }
}
