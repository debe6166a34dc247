//! Huffman codes of lossless JPEG: ITU-T T.81 annexes C (codes from lengths) and K.2 (lengths from frequencies).

use std::cmp::Reverse;

/// Categories of differences: bits that a difference needs, 0..=16 (T.81 table H.2).
pub(super) const CATEGORIES: usize = 17;
/// Longest code.
pub(super) const LONGEST: usize = 16;

/// Which categories have codes, and how long they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    /// How many codes there are of 1, 2, ... 16 bits.
    pub(super) counts: [u8; LONGEST],
    /// Categories by rising length of their codes.
    pub(super) categories: Vec<u8>,
}

impl Lengths {
    /// The lengths that make a file with these frequencies shortest, for every category that occurs; with none, for
    /// category 0.
    pub(super) fn optimal(frequencies: &[u32; CATEGORIES]) -> Self {
        // One more symbol, the rarest, takes the code of ones alone, which T.81 forbids.
        let mut weights: Vec<(u64, Vec<u8>)> = (0..)
            .zip(frequencies)
            .filter(|(_, frequency)| **frequency > 0)
            .map(|(category, frequency)| (u64::from(*frequency) << 8, vec![category]))
            .collect();
        if weights.is_empty() {
            weights.push((1 << 8, vec![0]));
        }
        weights.push((1, vec![FORBIDDEN]));
        let mut lengths = [0usize; FORBIDDEN as usize + 1];
        while weights.len() > 1 {
            weights.sort_by_key(|(weight, _)| Reverse(*weight));
            let (Some(least), Some(next)) = (weights.pop(), weights.pop()) else {
                break;
            };
            let mut both = next.1;
            both.extend(least.1);
            for symbol in &both {
                lengths[usize::from(*symbol)] += 1;
            }
            weights.push((least.0 + next.0, both));
        }
        // At most 17 codes besides the forbidden one, so none is longer than 17; T.81 figure K.3 shortens them.
        let mut counts = [0usize; CATEGORIES + 2];
        for length in lengths.iter().filter(|length| **length > 0) {
            counts[*length] += 1;
        }
        for length in (LONGEST + 1..counts.len()).rev() {
            while counts[length] > 0 {
                let mut shorter = length - 2;
                while counts[shorter] == 0 {
                    shorter -= 1;
                }
                counts[length] -= 2;
                counts[length - 1] += 1;
                counts[shorter + 1] += 2;
                counts[shorter] -= 1;
            }
        }
        // The forbidden one is the last of the longest.
        if let Some(longest) = counts.iter().rposition(|count| *count > 0) {
            counts[longest] -= 1;
        }
        let mut categories: Vec<u8> = (0..FORBIDDEN)
            .filter(|category| lengths[usize::from(*category)] > 0)
            .collect();
        categories.sort_by_key(|category| lengths[usize::from(*category)]);
        Self {
            counts: std::array::from_fn(|index| counts[index + 1] as u8),
            categories,
        }
    }

    /// Code and length of each category; length 0 for one that has no code.
    pub(super) fn codes(&self) -> [(u16, u8); CATEGORIES] {
        let mut codes = [(0, 0); CATEGORIES];
        let mut categories = self.categories.iter();
        let mut code = 0u32;
        for (length, count) in (1..).zip(self.counts) {
            for category in categories.by_ref().take(count.into()) {
                codes[usize::from(*category)] = (code as u16, length);
                code += 1;
            }
            code <<= 1;
        }
        codes
    }
}

/// The symbol that keeps the code of ones alone free.
const FORBIDDEN: u8 = CATEGORIES as u8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_prefix_free(codes: &[(u16, u8)]) -> bool {
        let used: Vec<_> = codes.iter().filter(|(_, length)| *length > 0).collect();
        used.iter().enumerate().all(|(index, (code, length))| {
            used.iter().enumerate().all(|(other, (longer, most))| {
                index == other || most < length || longer >> (most - length) != *code
            })
        })
    }

    #[test]
    fn what_is_frequent_is_short() {
        let mut frequencies = [0; CATEGORIES];
        frequencies[..6].copy_from_slice(&[5, 100, 1000, 10_000, 900, 1]);
        let codes = Lengths::optimal(&frequencies).codes();
        let lengths: Vec<u8> = codes.iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths[..7], [5, 4, 2, 1, 3, 6, 0]);
    }

    #[test]
    fn one_category_has_a_code_of_one_bit() {
        for frequencies in [[0; CATEGORIES], {
            let mut one = [0; CATEGORIES];
            one[0] = 7;
            one
        }] {
            assert_eq!(Lengths::optimal(&frequencies).codes()[0], (0, 1));
        }
    }

    proptest! {
        #[test]
        fn codes_are_codes(frequencies in proptest::array::uniform17(prop_oneof![Just(0u32), 0..20u32, any::<u32>()])) {
            let lengths = Lengths::optimal(&frequencies);
            let codes = lengths.codes();
            prop_assert!(is_prefix_free(&codes));
            for (frequency, (code, length)) in frequencies.iter().zip(codes) {
                prop_assert!(*frequency == 0 || length > 0);
                prop_assert!(usize::from(length) <= LONGEST);
                // Ones alone are not a code.
                prop_assert!(length == 0 || u32::from(code) + 1 < 1 << length);
            }
        }

        /// Fibonacci's numbers make the longest codes.
        #[test]
        fn long_codes_are_shortened(start in 1u32..100) {
            let (mut a, mut b) = (start, start);
            let frequencies = std::array::from_fn(|_| {
                (a, b) = (b, a + b);
                a
            });
            let codes = Lengths::optimal(&frequencies).codes();
            prop_assert!(is_prefix_free(&codes));
            prop_assert!(codes.iter().all(|(_, length)| (1..=16).contains(length)));
        }
    }
}
