//! What values may be.

use super::TuningError;
use serde_saphyr::Spanned;
use std::ops::RangeInclusive;

/// A problem at the place of a value.
pub(super) fn at<T>(value: &Spanned<T>, problem: String) -> TuningError {
    TuningError {
        line: value.referenced.line(),
        problem,
    }
}

/// A number within a range; NaN is in none.
pub(super) fn number(
    value: &Spanned<f64>,
    field: &str,
    range: RangeInclusive<f64>,
) -> Result<f64, TuningError> {
    if range.contains(&value.value) {
        return Ok(value.value);
    }
    let (low, high) = range.into_inner();
    Err(at(
        value,
        format!("{field}: {} is not from {low} to {high}", value.value),
    ))
}

/// Numbers that each is larger than the one before.
pub(super) fn rising<'a>(
    values: impl IntoIterator<Item = &'a Spanned<f64>>,
    field: &str,
) -> Result<(), TuningError> {
    let mut before = f64::NEG_INFINITY;
    for value in values {
        if value.value.is_nan() || value.value <= before {
            return Err(at(
                value,
                format!(
                    "{field}: {} after {before}; they must be rising",
                    value.value
                ),
            ));
        }
        before = value.value;
    }
    Ok(())
}

/// A list of a length.
pub(super) fn length<T>(
    values: &Spanned<Vec<T>>,
    field: &str,
    range: RangeInclusive<usize>,
) -> Result<(), TuningError> {
    let count = values.value.len();
    if range.contains(&count) {
        return Ok(());
    }
    let (low, high) = range.into_inner();
    let wanted = if low == high {
        format!("{low}")
    } else {
        format!("{low} to {high}")
    };
    Err(at(
        values,
        format!("{field}: {count} values instead of {wanted}"),
    ))
}
