//! 3 by 3 matrices of colours.

/// Row by row.
pub type Matrix = [[f64; 3]; 3];

/// The matrix that changes nothing.
pub const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// A determinant smaller than this is taken for zero; colour matrices are around 1.
const SINGULAR: f64 = 1e-9;

/// A matrix with these values on its diagonal.
pub fn diagonal(values: [f64; 3]) -> Matrix {
    let mut matrix = [[0.0; 3]; 3];
    for (index, value) in values.into_iter().enumerate() {
        matrix[index][index] = value;
    }
    matrix
}

/// `a` after `b`.
pub fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.map(|row| {
        std::array::from_fn(|column| (0..3).map(|inner| row[inner] * b[inner][column]).sum())
    })
}

/// A colour through a matrix.
pub fn apply(matrix: &Matrix, colour: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| {
        row.iter()
            .zip(colour)
            .map(|(weight, value)| weight * value)
            .sum()
    })
}

/// Every value times `factor`.
pub fn scaled(matrix: &Matrix, factor: f64) -> Matrix {
    matrix.map(|row| row.map(|value| value * factor))
}

/// Between two matrices: `a` at 0, `b` at 1.
pub fn between(a: &Matrix, b: &Matrix, part: f64) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| a[row][column] + part * (b[row][column] - a[row][column]))
    })
}

/// The matrix that undoes this one, by cofactors; `None` if none does.
pub fn inverse(m: &Matrix) -> Option<Matrix> {
    let cofactor = |row: usize, column: usize| {
        let (a, b) = ((row + 1) % 3, (row + 2) % 3);
        let (c, d) = ((column + 1) % 3, (column + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3)
        .map(|column| m[0][column] * cofactor(0, column))
        .sum();
    // Written so that NaN is refused as well.
    if !(determinant.abs() > SINGULAR && determinant.is_finite()) {
        return None;
    }
    Some(std::array::from_fn(|row| {
        std::array::from_fn(|column| cofactor(column, row) / determinant)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_inverse_undoes(values in proptest::array::uniform9(-3.0..3.0f64), colour in proptest::array::uniform3(0.0..1.0f64)) {
            let matrix: Matrix = std::array::from_fn(|row| std::array::from_fn(|column| values[row * 3 + column]));
            if let Some(inverse) = inverse(&matrix) {
                let size = inverse.iter().flatten().fold(1.0f64, |size, value| size.max(value.abs()));
                let back = apply(&product(&inverse, &matrix), colour);
                for (value, expected) in back.iter().zip(colour) {
                    prop_assert!((value - expected).abs() < 1e-12 * size * size + 1e-9, "{back:?}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_undone_is_told() {
        assert_eq!(
            inverse(&[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]]),
            None
        );
        assert_eq!(inverse(&scaled(&IDENTITY, f64::NAN)), None);
        assert_eq!(
            inverse(&diagonal([2.0, 4.0, 0.5])),
            Some(diagonal([0.5, 0.25, 2.0]))
        );
    }

    #[test]
    fn between_goes_from_one_to_the_other() {
        assert_eq!(
            between(&IDENTITY, &scaled(&IDENTITY, 3.0), 0.5),
            scaled(&IDENTITY, 2.0)
        );
    }
}
