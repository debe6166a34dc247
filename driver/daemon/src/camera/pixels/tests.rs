use super::*;
use proptest::prelude::*;

fn layout(format: Format, width: u32, height: u32, stride: u32) -> Layout {
    Layout {
        format,
        width,
        height,
        stride,
    }
}

fn rgb(picture: &Picture<'_>, y: u16) -> Vec<u8> {
    let mut row = Vec::new();
    picture.rgb_row(y, &mut row);
    row
}

fn ycbcr(picture: &Picture<'_>, y: u16) -> [Vec<u8>; 4] {
    let mut buffers = [const { Vec::new() }; 4];
    picture.fill_buffers(y, &mut buffers);
    buffers
}

/// A 3x3 frame in rows of 8 bytes: every pixel's luma is its number, chroma is that of the four 2x2 groups.
const LUMA: [u8; 24] = [
    0, 1, 2, 9, 9, 9, 9, 9, //
    3, 4, 5, 9, 9, 9, 9, 9, //
    6, 7, 8, 9, 9, 9, 9, 9,
];

#[test]
fn chroma_belongs_to_two_by_two_pixels_in_both_yuv_formats() {
    let pairs = [
        10, 20, 11, 21, 99, 99, 99, 99, //
        12, 22, 13, 23, 99, 99, 99, 99,
    ];
    let nv12 = Picture::new(layout(Format::Nv12, 3, 3, 8), vec![&LUMA, &pairs]).unwrap();
    let (cb, cr) = ([10, 11, 99, 99, 12, 13], [20, 21, 99, 99, 22, 23]);
    let planes: Vec<&[u8]> = vec![&LUMA, &cb, &cr];
    let yuv420 = Picture::new(layout(Format::Yuv420, 3, 3, 8), planes).unwrap();
    for picture in [nv12, yuv420] {
        for y in [0, 1] {
            let [luma, cb, cr, _] = ycbcr(&picture, y);
            assert_eq!(luma, LUMA[usize::from(y) * 8..][..3]);
            assert_eq!((cb, cr), (vec![10, 10, 11], vec![20, 20, 21]));
        }
        let [luma, cb, cr, _] = ycbcr(&picture, 2);
        assert_eq!(luma, [6, 7, 8]);
        assert_eq!((cb, cr), (vec![12, 12, 13], vec![22, 22, 23]));
        assert_eq!(rgb(&picture, 2).len(), 9);
    }
}

#[test]
fn the_bytes_of_each_rgb_format_are_told_apart() {
    for (format, bytes) in [
        (Format::Bgr888, vec![1, 2, 3]),
        (Format::Rgb888, vec![3, 2, 1]),
        (Format::Xbgr8888, vec![1, 2, 3, 9]),
        (Format::Xrgb8888, vec![3, 2, 1, 9]),
    ] {
        let stride = bytes.len() as u32;
        let picture = Picture::new(layout(format, 1, 1, stride), vec![&bytes]).unwrap();
        assert_eq!(rgb(&picture, 0), [1, 2, 3], "{format:?}");
    }
}

#[test]
fn primaries_of_full_range_bt601() {
    // JFIF's own equations for pure red, green, blue, white and black.
    for (y, cb, cr, expected) in [
        (76, 85, 255, [254, 0, 0]),
        (150, 44, 21, [0, 255, 1]),
        (29, 255, 107, [0, 0, 254]),
        (255, 128, 128, [255; 3]),
        (0, 128, 128, [0; 3]),
    ] {
        assert_eq!(ycbcr_to_rgb(y, cb, cr), expected);
    }
}

#[test]
fn planes_that_are_too_short_or_too_few_are_refused() {
    let nv12 = layout(Format::Nv12, 3, 3, 8);
    let refused = |layout, planes| Picture::new(layout, planes).unwrap_err();
    assert!(refused(nv12, vec![&LUMA]).contains("has 2 planes, the buffer has 1"));
    let short = refused(nv12, vec![&LUMA, &[0; 11]]);
    assert!(
        short.contains("needs 12 bytes, the buffer has 11"),
        "{short}"
    );
    let narrow = refused(layout(Format::Bgr888, 3, 1, 8), vec![&LUMA]);
    assert!(narrow.contains("plane 0"), "{narrow}");
    let empty = refused(layout(Format::Bgr888, 0, 0, 0), vec![&[]]);
    assert!(empty.contains("plane 0"), "{empty}");
    let huge = refused(layout(Format::Nv12, 65_536, 1, 65_536), {
        vec![&[0; 65_536][..], &[0; 65_536][..]]
    });
    assert!(huge.contains("too long"), "{huge}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the layout, a frame of the size that it asks for gives whole rows, and a byte less is refused.
    #[test]
    fn rows_are_whole(
        format in 0..Format::ALL.len(),
        width in 1_u32..40,
        height in 1_u32..8,
        padding in 0_u32..8,
    ) {
        let format = Format::ALL[format];
        let stride = (width * format.step() as u32).next_multiple_of(2) + 2 * padding;
        let layout = layout(format, width, height, stride);
        let sizes: Vec<usize> = layout
            .planes()
            .iter()
            .map(|plane| plane.stride * (plane.rows - 1) + plane.row)
            .collect();
        let memory = vec![128; sizes[0] + stride as usize];
        let planes = |missing: usize| sizes.iter().map(|&size| &memory[..size - missing]).collect();
        let picture = Picture::new(layout, planes(0)).unwrap();
        for y in 0..picture.height() {
            prop_assert_eq!(rgb(&picture, y).len(), 3 * width as usize);
            let [luma, cb, cr, _] = ycbcr(&picture, y);
            prop_assert_eq!([luma.len(), cb.len(), cr.len()], [width as usize; 3]);
        }
        prop_assert!(Picture::new(layout, planes(1)).is_err());
    }
}
