//! Matrices of three by three, row by row.

/// Rows of a matrix.
pub type Matrix = [[f64; 3]; 3];

/// Smallest determinant, relative to the largest entry's cube, that a matrix is inverted with: far below that of any
/// camera's, far above what rounding makes of zero.
const SINGULAR: f64 = 1e-9;

pub(crate) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (0..3).map(|index| a[row][index] * b[index][column]).sum())
    })
}

pub(crate) fn applied(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

/// The matrix that multiplies each value by one of these.
pub(crate) fn diagonal(values: [f64; 3]) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| if row == column { values[row] } else { 0.0 })
    })
}

/// `(1 - weight) a + weight b`
pub(crate) fn mixed(a: &Matrix, b: &Matrix, weight: f64) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| a[row][column] + weight * (b[row][column] - a[row][column]))
    })
}

/// None where it is singular or has values that are no numbers.
pub(crate) fn inverse(m: &Matrix) -> Option<Matrix> {
    let largest = m
        .as_flattened()
        .iter()
        .fold(0.0, |a: f64, b| a.max(b.abs()));
    // Cofactors, by indices that wrap around: their signs come by themselves.
    let cofactor = |row: usize, column: usize| {
        let [r1, r2] = [(row + 1) % 3, (row + 2) % 3];
        let [c1, c2] = [(column + 1) % 3, (column + 2) % 3];
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3)
        .map(|column| m[0][column] * cofactor(0, column))
        .sum();
    let enough = SINGULAR * largest.powi(3);
    // Written so that what is not a number is refused as well.
    (determinant.is_finite() && determinant.abs() > enough && enough > 0.0).then(|| {
        std::array::from_fn(|row| std::array::from_fn(|column| cofactor(column, row) / determinant))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Matrix = [[2.0, -0.5, 0.1], [0.3, 1.5, -0.2], [0.0, -0.4, 0.8]];

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let one = product(&SOME, &inverse(&SOME).unwrap());
        for (row, column) in (0..9).map(|index| (index / 3, index % 3)) {
            let expected = f64::from(u8::from(row == column));
            assert!((one[row][column] - expected).abs() < 1e-12, "{one:?}");
        }
    }

    #[test]
    fn what_cannot_be_inverted_is_told() {
        assert_eq!(inverse(&[[0.0; 3]; 3]), None);
        assert_eq!(inverse(&[[1.0, 2.0, 3.0]; 3]), None);
        let mut broken = SOME;
        broken[1][2] = f64::NAN;
        assert_eq!(inverse(&broken), None);
        broken[1][2] = f64::INFINITY;
        assert_eq!(inverse(&broken), None);
    }

    #[test]
    fn a_vector_goes_through_products_in_order() {
        let scale = diagonal([2.0, 3.0, 4.0]);
        let vector = [1.0, -1.0, 0.5];
        let there = applied(&product(&SOME, &scale), vector);
        assert_eq!(there, applied(&SOME, [2.0, -3.0, 2.0]));
        assert_eq!(mixed(&SOME, &scale, 0.0), SOME);
        assert_eq!(mixed(&SOME, &scale, 0.5)[1], [0.15, 2.25, -0.1]);
    }
}
