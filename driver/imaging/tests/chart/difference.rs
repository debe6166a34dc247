//! How different two colours look: CIELAB under D65 and CIEDE2000.

/// Linear sRGB to XYZ (IEC 61966-2-1).
const TO_XYZ: [[f64; 3]; 3] = [
    [0.4124, 0.3576, 0.1805],
    [0.2126, 0.7152, 0.0722],
    [0.0193, 0.1192, 0.9505],
];

/// Of linear sRGB.
pub(crate) fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let f = TO_XYZ.map(|row| {
        let white: f64 = row.iter().sum();
        let value = (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]) / white;
        if value > 216.0 / 24389.0 {
            value.cbrt()
        } else {
            (24389.0 / 27.0 * value + 16.0) / 116.0
        }
    });
    [
        116.0 * f[1] - 16.0,
        500.0 * (f[0] - f[1]),
        200.0 * (f[1] - f[2]),
    ]
}

/// sRGB, 0 to 1, to linear light.
pub(crate) fn decoded(value: f64) -> f64 {
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// CIEDE2000 (CIE 142:2001), as G. Sharma, W. Wu, E. Dalal write it down, "The CIEDE2000 color-difference formula",
/// Color Research and Application 30 (2005).
pub(crate) fn ciede2000(a: [f64; 3], b: [f64; 3]) -> f64 {
    let seventh = |value: f64| (value.powi(7) / (value.powi(7) + 25f64.powi(7))).sqrt();
    let mean_chroma = (a[1].hypot(a[2]) + b[1].hypot(b[2])) / 2.0;
    let g = 0.5 * (1.0 - seventh(mean_chroma));
    let polar = |lab: [f64; 3]| {
        let red = (1.0 + g) * lab[1];
        let hue = lab[2].atan2(red).to_degrees().rem_euclid(360.0);
        (red.hypot(lab[2]), hue)
    };
    let ((c1, h1), (c2, h2)) = (polar(a), polar(b));
    let turn = if c1 * c2 == 0.0 {
        0.0
    } else {
        (h2 - h1 + 540.0).rem_euclid(360.0) - 180.0
    };
    let (lightness, chroma) = (b[0] - a[0], c2 - c1);
    let hue = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = ((a[0] + b[0]) / 2.0, (c1 + c2) / 2.0);
    let h = match (h1 + h2, (h1 - h2).abs()) {
        (sum, _) if c1 * c2 == 0.0 => sum,
        (sum, apart) if apart <= 180.0 => sum / 2.0,
        (sum, _) if sum < 360.0 => (sum + 360.0) / 2.0,
        (sum, _) => (sum - 360.0) / 2.0,
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let offset = (l - 50.0).powi(2);
    let [sl, sc, sh] = [
        1.0 + 0.015 * offset / (20.0 + offset).sqrt(),
        1.0 + 0.045 * c,
        1.0 + 0.015 * c * t,
    ];
    let rotation = 60.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let rt = -2.0 * seventh(c) * rotation.to_radians().sin();
    let [l, c, h] = [lightness / sl, chroma / sc, hue / sh];
    (l * l + c * c + h * h + rt * c * h).sqrt()
}

/// Pairs and differences from the paper's table 1.
#[test]
fn differences_are_those_of_the_paper() {
    for (a, b, expected) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        (
            [60.2574, -34.0099, 36.2677],
            [60.4626, -34.1751, 39.4387],
            1.2644,
        ),
        (
            [22.7233, 20.0904, -46.694],
            [23.0331, 14.973, -42.5619],
            2.0373,
        ),
        ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
    ] {
        let found = ciede2000(a, b);
        assert!((found - expected).abs() < 1e-4, "{a:?} {b:?}: {found}");
    }
}
