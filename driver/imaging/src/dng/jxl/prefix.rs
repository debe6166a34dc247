//! Prefix codes of JPEG XL (ISO/IEC 18181-1:2024, C.2.4), which are those of Brotli (RFC 7932, section 3): lengths from
//! frequencies, codes from lengths, and how both are written. Nothing is allocated.

use super::encode::Bits;

/// Longest code.
pub(super) const LONGEST: u8 = 15;
/// Most symbols of a code here.
pub(super) const SYMBOLS: usize = 96;
/// Symbols that describe a code's lengths, in the order in which theirs are written; the longest of their codes.
const LENGTH_ORDER: [usize; 18] = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const LONGEST_OF_LENGTHS: u8 = 5;
/// How lengths of those are written: bits and their number for 0 to 5.
const LENGTHS_OF_LENGTHS: [(u32, u8); 6] = [(0, 2), (7, 4), (3, 3), (2, 2), (1, 2), (15, 4)];

/// A code: for each symbol its bits, the first one lowest, and how many there are; 0 for one that does not occur, and for
/// the only one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) symbols: [(u16, u8); SYMBOLS],
    /// Symbols up to the last one that occurs.
    pub(super) count: usize,
    /// The only one that occurs, if that is so.
    only: Option<usize>,
}

impl Code {
    /// The shortest one for frequencies, of which not all may be 0.
    pub(super) fn new(frequencies: &[u32; SYMBOLS]) -> Self {
        let mut used = (0..SYMBOLS).filter(|symbol| frequencies[*symbol] > 0);
        let (first, second) = (used.next(), used.next());
        let last = frequencies.iter().rposition(|frequency| *frequency > 0);
        let only = first.filter(|_| second.is_none());
        let symbols = match only {
            Some(_) => [(0, 0); SYMBOLS],
            None => codes(&lengths(frequencies, LONGEST)),
        };
        Self {
            symbols,
            count: last.map_or(1, |last| last + 1),
            only,
        }
    }

    /// Writes how many symbols it has.
    pub(super) fn write_alphabet(&self, bits: &mut Bits, out: &mut Vec<u8>) {
        bits.put((self.count > 1).into(), 1, out);
        if self.count > 1 {
            let beyond = self.count as u32 - 1;
            let length = beyond.ilog2();
            bits.put(length, 4, out);
            bits.put(beyond - (1 << length), length as u8, out);
        }
    }

    /// Writes the code itself.
    pub(super) fn write(&self, bits: &mut Bits, out: &mut Vec<u8>) {
        if self.count == 1 {
            // A code of one symbol, 0, is not described.
            return;
        }
        if let Some(only) = self.only {
            // A simple code of one symbol.
            bits.put(1, 2, out);
            bits.put(0, 2, out);
            let width = (self.count as u32 - 1).ilog2() + 1;
            bits.put(only as u32, width as u8, out);
            return;
        }
        let lengths = || {
            self.symbols[..self.count]
                .iter()
                .map(|(_, length)| usize::from(*length))
        };
        let mut frequencies = [0; SYMBOLS];
        for length in lengths() {
            frequencies[length] += 1;
        }
        let described = self::lengths(&frequencies, LONGEST_OF_LENGTHS);
        let code = codes(&described);
        // No lengths are skipped. They end where no more fit, or with the last one.
        bits.put(0, 2, out);
        let mut space = 1u32 << LONGEST_OF_LENGTHS;
        for symbol in LENGTH_ORDER {
            if space == 0 {
                break;
            }
            let length = described[symbol];
            let (value, count) = LENGTHS_OF_LENGTHS[usize::from(length)];
            bits.put(value, count, out);
            if length > 0 {
                space -= 1 << (LONGEST_OF_LENGTHS - length);
            }
        }
        // A single symbol takes no bits.
        let is_single = described.iter().filter(|length| **length > 0).count() == 1;
        for length in lengths() {
            let (value, count) = code[length];
            if !is_single {
                bits.put(value.into(), count, out);
            }
        }
    }
}

/// Lengths of Huffman's code, none longer than `longest`: rare symbols are counted as if they were more frequent until
/// that holds, as Brotli's encoder does.
fn lengths(frequencies: &[u32; SYMBOLS], longest: u8) -> [u8; SYMBOLS] {
    let mut least = 1;
    loop {
        let lengths = huffman(frequencies, least);
        if lengths.iter().all(|length| *length <= longest) {
            return lengths;
        }
        least *= 2;
    }
}

/// Lengths of Huffman's code where no symbol that occurs counts for less than `least`.
fn huffman(frequencies: &[u32; SYMBOLS], least: u32) -> [u8; SYMBOLS] {
    let mut symbols = [(0u32, 0usize); SYMBOLS];
    let mut count = 0;
    for (symbol, frequency) in frequencies.iter().enumerate() {
        if *frequency > 0 {
            symbols[count] = ((*frequency).max(least), symbol);
            count += 1;
        }
    }
    let symbols = &mut symbols[..count];
    symbols.sort_unstable();
    let mut lengths = [0; SYMBOLS];
    if let [(_, only)] = symbols {
        lengths[*only] = 1;
        return lengths;
    }
    // Leaves, then pairs in the order in which they are made, which is that of their weights.
    let mut weights = [0u64; 2 * SYMBOLS];
    let mut parents = [0usize; 2 * SYMBOLS];
    for (weight, (frequency, _)) in weights.iter_mut().zip(&*symbols) {
        *weight = u64::from(*frequency);
    }
    let (mut leaf, mut pair) = (0, count);
    for made in count..(2 * count).saturating_sub(1) {
        for _ in 0..2 {
            let is_leaf = leaf < count && (pair >= made || weights[leaf] <= weights[pair]);
            let next = if is_leaf { &mut leaf } else { &mut pair };
            weights[made] += weights[*next];
            parents[*next] = made;
            *next += 1;
        }
    }
    let mut depths = [0u8; 2 * SYMBOLS];
    for index in (0..(2 * count).saturating_sub(2)).rev() {
        depths[index] = depths[parents[index]] + 1;
    }
    for ((_, symbol), depth) in symbols.iter().zip(depths) {
        lengths[*symbol] = depth;
    }
    lengths
}

/// Canonical codes, their first bit lowest.
fn codes(lengths: &[u8; SYMBOLS]) -> [(u16, u8); SYMBOLS] {
    let mut codes = [(0, 0); SYMBOLS];
    let mut code = 0u16;
    for length in 1..=LONGEST {
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, of)| **of == length) {
            codes[symbol] = (code.reverse_bits() >> (16 - length), length);
            code += 1;
        }
        code <<= 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_frequent_is_short() {
        let mut frequencies = [0; SYMBOLS];
        frequencies[..6].copy_from_slice(&[5, 100, 0, 1000, 10_000, 1]);
        let lengths = lengths(&frequencies, LONGEST);
        assert_eq!(lengths[..7], [4, 3, 0, 2, 1, 4, 0]);
        assert_eq!(
            codes(&lengths)[..6],
            [(7, 4), (3, 3), (0, 0), (1, 2), (0, 1), (15, 4)]
        );
    }

    proptest! {
        #[test]
        fn codes_are_complete(
            frequencies in proptest::collection::vec(prop_oneof![Just(0), 0..20u32, any::<u32>()], SYMBOLS),
            longest in prop_oneof![Just(LONGEST), Just(8)],
        ) {
            let frequencies: [u32; SYMBOLS] = frequencies.try_into().unwrap();
            let lengths = lengths(&frequencies, longest);
            let used = frequencies.iter().filter(|frequency| **frequency > 0).count();
            let space: u32 = lengths.iter().filter(|length| **length > 0).map(|length| 1 << (LONGEST - length)).sum();
            prop_assert!(used < 2 || space == 1 << LONGEST);
            for (frequency, length) in frequencies.iter().zip(lengths) {
                prop_assert_eq!(*frequency > 0, length > 0);
                prop_assert!(length <= longest);
            }
        }

        /// Fibonacci's numbers make the longest codes.
        #[test]
        fn long_codes_are_shortened(start in 1u32..100, count in 20..35usize) {
            let (mut a, mut b) = (start, start);
            let mut frequencies = [0; SYMBOLS];
            for frequency in &mut frequencies[..count] {
                (a, b) = (b, a + b);
                *frequency = a;
            }
            let lengths = lengths(&frequencies, LONGEST);
            prop_assert!(lengths[..count].iter().all(|length| (1..=LONGEST).contains(length)));
        }
    }
}
