//! The last rows of a quantity, taken apart into sites of colour and of green.

/// Places at each end of a row that a step may read and does not write.
pub(super) const MARGIN: usize = 2;

/// Rows by their number modulo `COUNT`, each of `SITES` halves.
#[derive(Debug)]
pub(super) struct Rows<const SITES: usize, const COUNT: usize>([[Vec<f32>; SITES]; COUNT]);

impl<const SITES: usize, const COUNT: usize> Rows<SITES, COUNT> {
    /// Rows without places.
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| std::array::from_fn(|_| Vec::new())))
    }

    /// Gives each half so many places.
    pub(super) fn resize(&mut self, places: usize) {
        for half in self.0.as_flattened_mut() {
            half.resize(places, 0.0);
        }
    }

    /// What a step reads: a half without its margins, moved by so many places.
    #[inline(always)]
    pub(super) fn at(&self, y: isize, site: usize, shift: isize) -> &[f32] {
        let half = &self.0[slot::<COUNT>(y)][site];
        &half[MARGIN.wrapping_add_signed(shift)..][..half.len() - 2 * MARGIN]
    }

    /// What a step writes: the halves without their margins.
    #[inline(always)]
    pub(super) fn written(&mut self, y: isize) -> [&mut [f32]; SITES] {
        self.0[slot::<COUNT>(y)].each_mut().map(|half| {
            let places = half.len() - 2 * MARGIN;
            &mut half[MARGIN..][..places]
        })
    }

    /// The whole halves.
    #[inline(always)]
    pub(super) fn whole(&mut self, y: isize) -> &mut [Vec<f32>; SITES] {
        &mut self.0[slot::<COUNT>(y)]
    }
}

fn slot<const COUNT: usize>(y: isize) -> usize {
    y.rem_euclid(COUNT as isize) as usize
}
