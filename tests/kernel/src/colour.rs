//! Colour differences as people see them, and angles between white points.

/// White of sRGB, D65, 2 degree observer (IEC 61966-2-1).
const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
/// Linear sRGB to XYZ (IEC 61966-2-1).
const TO_XYZ: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];

/// A colour in CIELAB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lab {
    /// Lightness, 0 to 100.
    pub l: f64,
    /// From green to red.
    pub a: f64,
    /// From blue to yellow.
    pub b: f64,
}

/// Light of an sRGB code, 0..=255, as 0..=1.
pub fn linear(code: f64) -> f64 {
    let value = code / 255.0;
    match value {
        _ if value <= 0.040_45 => value / 12.92,
        _ => ((value + 0.055) / 1.055).powf(2.4),
    }
}

/// Relative luminance of linear sRGB.
pub fn luminance(rgb: [f64; 3]) -> f64 {
    TO_XYZ[1]
        .iter()
        .zip(rgb)
        .map(|(weight, value)| weight * value)
        .sum()
}

impl Lab {
    /// Of linear sRGB, 1 = white.
    pub fn of(rgb: [f64; 3]) -> Self {
        let f = |row: usize| {
            let value: f64 = TO_XYZ[row].iter().zip(rgb).map(|(w, v)| w * v).sum();
            let ratio = value / WHITE[row];
            // CIE 15: the cube root, and a line where it would be too steep.
            match ratio {
                _ if ratio > (6.0_f64 / 29.0).powi(3) => ratio.cbrt(),
                _ => ratio * (29.0_f64 / 6.0).powi(2) / 3.0 + 4.0 / 29.0,
            }
        };
        let (x, y, z) = (f(0), f(1), f(2));
        Self {
            l: 116.0 * y - 16.0,
            a: 500.0 * (x - y),
            b: 200.0 * (y - z),
        }
    }
}

/// CIEDE2000 with all weights 1, after G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula", 2005.
pub fn difference(one: Lab, other: Lab) -> f64 {
    let mean_chroma = (one.a.hypot(one.b) + other.a.hypot(other.b)) / 2.0;
    let seventh = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25_f64.powi(7))).sqrt();
    let stretch = 1.5 - 0.5 * seventh(mean_chroma);
    let polar = |lab: Lab| {
        let a = lab.a * stretch;
        let hue = lab.b.atan2(a).to_degrees().rem_euclid(360.0);
        (a.hypot(lab.b), hue)
    };
    let ((c1, h1), (c2, h2)) = (polar(one), polar(other));
    let grey = c1 * c2 == 0.0;
    let turn = match h2 - h1 {
        _ if grey => 0.0,
        turn if turn > 180.0 => turn - 360.0,
        turn if turn < -180.0 => turn + 360.0,
        turn => turn,
    };
    let (dl, dc) = (other.l - one.l, c2 - c1);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = ((one.l + other.l) / 2.0, (c1 + c2) / 2.0);
    let h = match (h1 + h2, (h1 - h2).abs() > 180.0) {
        (sum, _) if grey => sum,
        (sum, false) => sum / 2.0,
        (sum, true) if sum < 360.0 => (sum + 360.0) / 2.0,
        (sum, true) => (sum - 360.0) / 2.0,
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let l50 = (l - 50.0).powi(2);
    let (sl, sc, sh) = (
        1.0 + 0.015 * l50 / (20.0 + l50).sqrt(),
        1.0 + 0.045 * c,
        1.0 + 0.015 * c * t,
    );
    let rotation = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let rt = -2.0 * seventh(c) * (2.0 * rotation).to_radians().sin();
    let (dl, dc, dh) = (dl / sl, dc / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).sqrt()
}

/// Angle between two colours of light, in degrees.
pub fn angle(one: [f64; 3], other: [f64; 3]) -> f64 {
    let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(one, other) / (dot(one, one) * dot(other, other)).sqrt();
    cosine.clamp(-1.0, 1.0).acos().to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sharma, Wu and Dalal's table 1.
    #[rustfmt::skip]
    const PAIRS: [([f64; 3], [f64; 3], f64); 34] = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
        ([50.0, 2.8361, -74.0200], [50.0, 0.0, -82.7485], 3.4412),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0009], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0010], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0011], 7.2195),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0012], 7.2195),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0009, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0010, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0011, -2.4900], 4.7461),
        ([50.0, 2.5000, 0.0], [50.0, 0.0, -2.5000], 4.3065),
        ([50.0, 2.5000, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5000, 0.0], [61.0, -5.0, 29.0], 22.8977),
        ([50.0, 2.5000, 0.0], [56.0, -27.0, -3.0], 31.9030),
        ([50.0, 2.5000, 0.0], [58.0, 24.0, 15.0], 19.4535),
        ([50.0, 2.5000, 0.0], [50.0, 3.1736, 0.5854], 1.0000),
        ([50.0, 2.5000, 0.0], [50.0, 3.2972, 0.0], 1.0000),
        ([50.0, 2.5000, 0.0], [50.0, 1.8634, 0.5757], 1.0000),
        ([50.0, 2.5000, 0.0], [50.0, 3.2592, 0.3350], 1.0000),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.2630),
        ([61.2901, 3.7196, -5.3901], [61.4292, 2.2480, -4.9620], 1.8731),
        ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
        ([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373),
        ([36.4612, 47.8580, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
        ([90.8027, -2.0831, 1.4410], [91.1528, -1.6435, 0.0447], 1.4441),
        ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
        ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ];

    #[test]
    fn differences_are_those_of_the_published_pairs() {
        let lab = |[l, a, b]: [f64; 3]| Lab { l, a, b };
        for (number, (one, other, expected)) in PAIRS.into_iter().enumerate() {
            for (one, other) in [(one, other), (other, one)] {
                let found = difference(lab(one), lab(other));
                assert!(
                    (found - expected).abs() < 0.5e-4,
                    "pair {}: {found}",
                    number + 1
                );
            }
        }
    }

    #[test]
    fn white_grey_and_red_are_where_they_belong() {
        let near = |lab: Lab, [l, a, b]: [f64; 3]| {
            [lab.l - l, lab.a - a, lab.b - b]
                .iter()
                .all(|off| off.abs() < 0.05)
        };
        assert!(near(Lab::of([1.0; 3]), [100.0, 0.0, 0.0]));
        assert!(near(Lab::of([linear(119.0); 3]), [50.03, 0.0, 0.0]));
        assert!(near(Lab::of([1.0, 0.0, 0.0]), [53.24, 80.09, 67.20]));
        assert!((luminance([0.5; 3]) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn angles_do_not_depend_on_brightness() {
        assert!(angle([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) < 1e-5);
        assert!((angle([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]) - 90.0).abs() < 1e-9);
        assert!((angle([1.0, 1.0, 0.0], [1.0, 0.0, 0.0]) - 45.0).abs() < 1e-9);
    }
}
