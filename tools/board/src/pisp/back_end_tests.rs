use proptest::prelude::*;

use super::*;
use crate::pisp::FrontEnd;
use crate::pisp::back_end_enables::unmodelled;
use crate::pisp::layout::tile;
use crate::pisp::typical::{
    Job, NV12, PICTURE, PLANE, RAW, XBGR8888, compressed_stride, front_end, put, put_u16s, scene,
};

fn memory() -> GuestRam {
    GuestRam::anonymous(RAW, 0x2100_0000).unwrap()
}

/// Memory with the synthetic scene as the front end writes it.
fn with_scene(width: u16, height: u16) -> GuestRam {
    let ram = memory();
    let mut front = FrontEnd::default();
    let config = front_end(width, height);
    front
        .begin(&config, width.into(), height.into(), 12)
        .unwrap();
    front.rows(0, &scene(width, height), &ram).unwrap();
    ram
}

/// Memory with a frame of one value per colour of the quad.
fn with_flat(width: u16, height: u16, quad: [u16; 4]) -> GuestRam {
    let ram = memory();
    let stride = compressed_stride(width) as usize;
    let mut bytes = vec![0; stride];
    for y in 0..usize::from(height) {
        let row: Vec<u16> = (0..usize::from(width))
            .map(|x| quad[x % 2 + 2 * (y % 2)])
            .collect();
        compress::encode_row(Mode::Delta, 2048, &row, &mut bytes);
        ram.write(RAW + (y * stride) as u64, &bytes).unwrap();
    }
    ram
}

fn plane(job: &Job, ram: &GuestRam, plane: usize) -> Vec<u8> {
    let rows = usize::from(job.output[1])
        / if plane > 0 && job.format & 0x300 == 0x200 {
            2
        } else {
            1
        };
    let mut bytes = vec![0; rows * job.strides()[plane.min(1)] as usize];
    ram.read(PICTURE + PLANE * plane as u64, &mut bytes)
        .unwrap();
    bytes
}

fn run(job: &Job, ram: &GuestRam) -> Result<(), JobError> {
    BackEnd::default().run(&job.config(), &job.tiles(), ram)
}

/// The picture's first two planes.
fn picture(job: &Job, ram: &GuestRam) -> [Vec<u8>; 2] {
    run(job, ram).unwrap();
    let strides = job.strides();
    [
        plane(job, ram, 0),
        if strides[1] > 0 {
            plane(job, ram, 1)
        } else {
            Vec::new()
        },
    ]
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn mean(bytes: &[u8]) -> f64 {
    bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len() as f64
}

#[test]
fn a_flat_grey_comes_out_grey() {
    // White balance of the typical job: 1.8, 1, 1.6; no shading at the centre.
    let level = |gain: f64| (4096.0 + 16_000.0 / gain) as u16;
    let ram = with_flat(
        320,
        240,
        [
            level(1843.0 / 1024.0),
            level(1.0),
            level(1.0),
            level(1638.0 / 1024.0),
        ],
    );
    let job = Job::new([320, 240], [64, 48], XBGR8888);
    let [bytes, _] = picture(&job, &ram);
    let centre = &bytes[24 * job.strides()[0] as usize + 4 * 32..][..4];
    let expected = 255.0 * (16_000.0_f64 / 65_535.0).powf(1.0 / 2.4);
    for value in &centre[..3] {
        assert!(
            (f64::from(*value) - expected).abs() <= 2.0,
            "{centre:?} {expected}"
        );
    }
    assert_eq!(centre[3], 255);
}

#[test]
fn tiles_join_without_a_seam() {
    // Factors whose phases a tile can name exactly: 1.5, 1, 2.5 then 1.
    let crop = [64, 20, 769, 457];
    let mut jobs = Vec::new();
    let base = Job::new([900, 500], [513, 305], XBGR8888);
    jobs.push(Job {
        crop,
        ..base.clone()
    });
    jobs.push(Job {
        crop: [32, 10, 800, 480],
        output: [800, 480],
        format: NV12,
        ..base.clone()
    });
    jobs.push(Job {
        crop: [30, 12, 800, 450],
        downscale: Some([320, 180]),
        output: [320, 180],
        format: NV12,
        branch: 1,
        ..base
    });
    let ram = with_scene(900, 500);
    for mut job in jobs {
        for transform in 0..4 {
            job.transform = transform;
            job.max_tile = [4096, 4096];
            let whole = picture(&job, &ram);
            assert_eq!(job.tiles().len(), TILE_SIZE);
            for max_tile in [[640, 3072], [208, 4096], [352, 152], [136, 200]] {
                job.max_tile = max_tile;
                assert!(picture(&job, &ram) == whole, "{job:?}");
            }
        }
    }
}

/// A tile's phase has sixteenths only, so samples may come from the neighbouring phase: no more than 1/16 of a pixel away.
#[test]
fn any_factor_joins_within_a_sixteenth_of_a_pixel() {
    let ram = with_scene(900, 500);
    let mut job = Job {
        max_tile: [4096, 4096],
        ..Job::new([900, 500], [614, 340], NV12)
    };
    let whole = picture(&job, &ram);
    job.max_tile = [300, 200];
    for (whole, tiled) in whole.iter().zip(picture(&job, &ram)) {
        let worst = whole.iter().zip(&tiled).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(16), "{worst:?}");
        let sum: u64 = whole
            .iter()
            .zip(&tiled)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!((sum as f64) < 0.5 * whole.len() as f64);
    }
}

/// Start and length of the input, crops at both ends, start and length of the output.
type Cut = [u16; 6];

/// What libpisp's own `tile_pipeline` answers for the same jobs.
#[test]
fn typical_tiles_are_those_of_libpisp() {
    let crop = [0, 142, 2736, 1538];
    let nv12 = Job {
        crop,
        ..Job::new([2736, 1824], [1280, 720], NV12)
    };
    let xbgr = Job {
        crop,
        ..Job::new([2736, 1824], [1920, 1080], XBGR8888)
    };
    let small = Job {
        downscale: Some([1368, 769]),
        output: [640, 360],
        ..nv12.clone()
    };
    let cuts: [(Job, [Cut; 5]); 3] = [
        (
            nv12,
            [
                [0, 568, 0, 17, 0, 256],
                [528, 592, 17, 22, 256, 256],
                [1072, 592, 20, 19, 512, 256],
                [1624, 592, 16, 23, 768, 256],
                [2168, 568, 19, 0, 1024, 256],
            ],
        ),
        (
            xbgr,
            [
                [0, 640, 0, 20, 0, 432],
                [592, 640, 21, 19, 432, 416],
                [1184, 640, 22, 19, 848, 416],
                [1776, 640, 23, 18, 1264, 416],
                [2376, 360, 16, 0, 1680, 240],
            ],
        ),
        (
            small,
            [
                [0, 576, 0, 22, 0, 128],
                [520, 600, 22, 18, 128, 128],
                [1072, 600, 18, 22, 256, 128],
                [1616, 600, 22, 18, 384, 128],
                [2168, 568, 18, 0, 512, 128],
            ],
        ),
    ];
    for (job, expected) in cuts {
        let bytes = job.tiles();
        let (tiles, _) = bytes.as_chunks::<TILE_SIZE>();
        let tiles: Vec<Tile> = tiles.iter().map(Tile::read).collect();
        let columns = tiles.iter().map(|tile| {
            let part = &tile.branches[0];
            let (input, output) = (
                (tile.offset.x, tile.size.x),
                (part.output_offset.x, part.output_size.x),
            );
            [
                input.0,
                input.1,
                part.crop_start.x,
                part.crop_end.x,
                output.0,
                output.1,
            ]
        });
        assert_eq!(columns.collect::<Vec<Cut>>(), expected);
        assert!(
            tiles
                .iter()
                .all(|tile| (tile.offset.y, tile.size.y) == (126, 1570))
        );
        if job.downscale.is_some() {
            let widths: Vec<u16> = tiles
                .iter()
                .map(|tile| tile.branches[0].resample_in.x)
                .collect();
            assert_eq!(widths, [277, 280, 280, 280, 275]);
        }
    }
}

#[test]
fn mirroring_moves_pixels_only() {
    let ram = with_scene(200, 160);
    let mut job = Job {
        max_tile: [104, 96],
        ..Job::new([200, 160], [200, 160], XBGR8888)
    };
    let [straight, _] = picture(&job, &ram);
    let stride = job.strides()[0] as usize;
    job.transform = 3;
    let [turned, _] = picture(&job, &ram);
    for y in 0..160 {
        for x in 0..200 {
            let (a, b) = (y * stride + 4 * x, (159 - y) * stride + 4 * (199 - x));
            assert_eq!(straight[a..a + 4], turned[b..b + 4], "{x} {y}");
        }
    }
}

/// Golden digests. They may change only when a block's arithmetic is meant to change; look at the picture first
/// (`PISP_PICTURE=/tmp/picture.ppm` writes it), then take the new numbers from the failure.
#[test]
fn the_typical_picture_is_stable() {
    let ram = with_scene(1368, 912);
    let job = Job::new([1368, 912], [640, 360], NV12);
    let [luma, chroma] = picture(&job, &ram);
    let digest = (
        crc32(&luma),
        crc32(&chroma),
        (mean(&luma) * 100.0).round(),
        (mean(&chroma) * 100.0).round(),
    );
    if let Ok(path) = std::env::var("PISP_PICTURE") {
        let job = Job {
            format: XBGR8888,
            ..job
        };
        let [bytes, _] = picture(&job, &ram);
        let mut ppm = format!("P6\n{} {}\n255\n", job.output[0], job.output[1]).into_bytes();
        ppm.extend(bytes.chunks_exact(4).flat_map(|pixel| &pixel[..3]));
        std::fs::write(path, ppm).unwrap();
    }
    assert_eq!(digest, (339_474_967, 2_732_221_403, 12_085.0, 13_495.0));
}

#[test]
fn a_second_job_reserves_nothing() {
    let ram = with_scene(700, 400);
    let mut back = BackEnd::default();
    for format in [NV12, XBGR8888] {
        let job = Job::new([700, 400], [320, 240], format);
        let (config, tiles) = (job.config(), job.tiles());
        back.run(&config, &tiles, &ram).unwrap();
        let reserved = back.reserved();
        back.run(&config, &tiles, &ram).unwrap();
        assert_eq!(back.reserved(), reserved);
    }
}

#[test]
fn what_is_not_modelled_has_a_name() {
    let names = unmodelled(
        BayerEnables::DPC | BayerEnables::BLC | BayerEnables::TDN,
        RgbEnables::SHARPEN | RgbEnables::GAMMA | RgbEnables::FALSE_COLOUR,
    );
    assert_eq!(names, ["DPC", "TDN", "FALSE_COLOUR", "SHARPEN"]);
    let job = Job::new([64, 64], [32, 32], NV12);
    assert!(unmodelled(bayer_enables(&job.config()), rgb_enables(&job.config())).is_empty());
}

#[test]
fn impossible_jobs_are_refused() {
    let ram = with_scene(128, 96);
    let mut back = BackEnd::default();
    let job = Job::new([128, 96], [64, 48], NV12);
    let (config, tiles) = (job.config(), job.tiles());
    let mut refused =
        |config: &[u8; BE_CONFIG_SIZE], tiles: &[u8]| back.run(config, tiles, &ram).unwrap_err();
    assert_eq!(
        refused(&config, &tiles[1..]),
        JobError::Tiles { length: 159 }
    );
    assert_eq!(refused(&config, &[]), JobError::Tiles { length: 0 });

    let with = |offset: usize, value: u16| {
        let mut tiles = tiles.clone();
        put_u16s(&mut tiles, offset, &[value]);
        tiles
    };
    let reason = |error: JobError| match error {
        JobError::Tile { index: 0, reason } => reason,
        other => panic!("{other}"),
    };
    let zero = refused(&config, &with(tile::INPUT_WIDTH, 0));
    assert_eq!(
        reason(zero),
        TileError::Window {
            width: 0,
            height: 96
        }
    );
    let outside = refused(&config, &with(tile::OUTPUT_OFFSET_X, 2));
    assert_eq!(reason(outside), TileError::OutsideOutput { branch: 0 });
    let flat = refused(&config, &with(tile::OUTPUT_HEIGHT, 0));
    assert_eq!(
        reason(flat),
        TileError::OutputSize {
            branch: 0,
            width: 64,
            height: 0
        }
    );

    let mut wrong = config;
    put(&mut wrong, be::OUTPUT_FORMAT + 8, 63_i32.to_le_bytes());
    let stride = ConfigError::Stride {
        half: Half::BackEnd,
        what: "output",
        stride: 63,
        needed: 64,
    };
    assert_eq!(refused(&wrong, &tiles), JobError::Config(stride));
    let mut wrong = config;
    put(
        &mut wrong,
        be::OUTPUT_FORMAT + 4,
        0x6000_0210_u32.to_le_bytes(),
    );
    let format = ConfigError::Format {
        half: Half::BackEnd,
        what: "output",
        format: 0x6000_0210,
    };
    assert_eq!(refused(&wrong, &tiles), JobError::Config(format));
    let mut wrong = config;
    put(&mut wrong, be::OUTPUT_BUFFER, 0_u64.to_le_bytes());
    assert_eq!(
        refused(&wrong, &tiles),
        JobError::Dma(DmaFault {
            address: 0,
            length: 64
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_guest_breaks_the_model(
        settings in prop::collection::vec((0..BE_CONFIG_SIZE, any::<u8>()), 0..24),
        fields in prop::collection::vec((0..TILE_SIZE, any::<u8>()), 0..6),
        nv12: bool,
    ) {
        let ram = GuestRam::anonymous(RAW, 0x4000).unwrap();
        let job = Job::new([64, 64], [32, 32], if nv12 { NV12 } else { XBGR8888 });
        let (mut config, mut tiles) = (job.config(), job.tiles());
        for (offset, value) in settings {
            config[offset] = value;
        }
        for (offset, value) in fields {
            tiles[offset] = value;
        }
        let _ = BackEnd::default().run(&config, &tiles, &ram);
    }

    #[test]
    fn noise_is_refused_or_drawn(seed in prop::collection::vec(any::<u8>(), 64), tiles in prop::collection::vec(any::<u8>(), TILE_SIZE)) {
        let ram = GuestRam::anonymous(0, 0x4000).unwrap();
        let mut config = [0; BE_CONFIG_SIZE];
        for (index, byte) in config.iter_mut().enumerate() {
            *byte = seed[index % 64].wrapping_mul(index as u8 | 1);
        }
        let _ = BackEnd::default().run(&config, &tiles, &ram);
    }
}
