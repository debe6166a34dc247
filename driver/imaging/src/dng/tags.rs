//! Fields of a DNG: their numbers and names in TIFF 6.0, TIFF/EP (ISO 12234-2), Exif 3.0, DNG 1.7.1.0 and CinemaDNG 1.1,
//! and some of their values.

/// A field: its number, and its name for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u16, pub(super) &'static str);

// The picture.
pub(super) const NEW_SUBFILE_TYPE: Tag = Tag(254, "NewSubFileType");
pub(super) const IMAGE_WIDTH: Tag = Tag(256, "ImageWidth");
pub(super) const IMAGE_LENGTH: Tag = Tag(257, "ImageLength");
pub(super) const BITS_PER_SAMPLE: Tag = Tag(258, "BitsPerSample");
pub(super) const COMPRESSION: Tag = Tag(259, "Compression");
pub(super) const PHOTOMETRIC_INTERPRETATION: Tag = Tag(262, "PhotometricInterpretation");
pub(super) const STRIP_OFFSETS: Tag = Tag(273, "StripOffsets");
pub(super) const ORIENTATION: Tag = Tag(274, "Orientation");
pub(super) const SAMPLES_PER_PIXEL: Tag = Tag(277, "SamplesPerPixel");
pub(super) const ROWS_PER_STRIP: Tag = Tag(278, "RowsPerStrip");
pub(super) const STRIP_BYTE_COUNTS: Tag = Tag(279, "StripByteCounts");
pub(super) const PLANAR_CONFIGURATION: Tag = Tag(284, "PlanarConfiguration");
pub(super) const PREDICTOR: Tag = Tag(317, "Predictor");
pub(super) const TILE_WIDTH: Tag = Tag(322, "TileWidth");
pub(super) const TILE_LENGTH: Tag = Tag(323, "TileLength");
pub(super) const TILE_OFFSETS: Tag = Tag(324, "TileOffsets");
pub(super) const TILE_BYTE_COUNTS: Tag = Tag(325, "TileByteCounts");
pub(super) const SUB_IFDS: Tag = Tag(330, "SubIFDs");
pub(super) const SAMPLE_FORMAT: Tag = Tag(339, "SampleFormat");
pub(super) const JPEG_OFFSET: Tag = Tag(513, "JPEGInterchangeFormat");
pub(super) const JPEG_LENGTH: Tag = Tag(514, "JPEGInterchangeFormatLength");
pub(super) const YCBCR_SUBSAMPLING: Tag = Tag(530, "YCbCrSubSampling");
pub(super) const YCBCR_POSITIONING: Tag = Tag(531, "YCbCrPositioning");
pub(super) const REFERENCE_BLACK_WHITE: Tag = Tag(532, "ReferenceBlackWhite");
pub(super) const CFA_REPEAT_PATTERN_DIM: Tag = Tag(33421, "CFARepeatPatternDim");
pub(super) const CFA_PATTERN: Tag = Tag(33422, "CFAPattern");

// Who took it, and when.
pub(super) const MAKE: Tag = Tag(271, "Make");
pub(super) const MODEL: Tag = Tag(272, "Model");
pub(super) const SOFTWARE: Tag = Tag(305, "Software");
pub(super) const DATE_TIME: Tag = Tag(306, "DateTime");
pub(super) const EXIF_IFD: Tag = Tag(34665, "ExifIFD");
pub(super) const GPS_IFD: Tag = Tag(34853, "GPSInfo");
pub(super) const EXPOSURE_TIME: Tag = Tag(33434, "ExposureTime");
pub(super) const F_NUMBER: Tag = Tag(33437, "FNumber");
pub(super) const ISO: Tag = Tag(34855, "PhotographicSensitivity");
pub(super) const SENSITIVITY_TYPE: Tag = Tag(34864, "SensitivityType");
pub(super) const ISO_SPEED: Tag = Tag(34867, "ISOSpeed");
pub(super) const EXIF_VERSION: Tag = Tag(36864, "ExifVersion");
pub(super) const DATE_TIME_ORIGINAL: Tag = Tag(36867, "DateTimeOriginal");
pub(super) const OFFSET_TIME: Tag = Tag(36880, "OffsetTime");
pub(super) const OFFSET_TIME_ORIGINAL: Tag = Tag(36881, "OffsetTimeOriginal");
pub(super) const FOCAL_LENGTH: Tag = Tag(37386, "FocalLength");
pub(super) const SUB_SEC_TIME_ORIGINAL: Tag = Tag(37521, "SubSecTimeOriginal");
pub(super) const LENS_SPECIFICATION: Tag = Tag(42034, "LensSpecification");
pub(super) const LENS_MAKE: Tag = Tag(42035, "LensMake");
pub(super) const LENS_MODEL: Tag = Tag(42036, "LensModel");
pub(super) const GPS_VERSION: Tag = Tag(0, "GPSVersionID");
pub(super) const GPS_LATITUDE_REF: Tag = Tag(1, "GPSLatitudeRef");
pub(super) const GPS_LATITUDE: Tag = Tag(2, "GPSLatitude");
pub(super) const GPS_LONGITUDE_REF: Tag = Tag(3, "GPSLongitudeRef");
pub(super) const GPS_LONGITUDE: Tag = Tag(4, "GPSLongitude");
pub(super) const GPS_ALTITUDE_REF: Tag = Tag(5, "GPSAltitudeRef");
pub(super) const GPS_ALTITUDE: Tag = Tag(6, "GPSAltitude");
pub(super) const GPS_MAP_DATUM: Tag = Tag(18, "GPSMapDatum");

// What samples mean.
pub(super) const DNG_VERSION: Tag = Tag(50706, "DNGVersion");
pub(super) const DNG_BACKWARD_VERSION: Tag = Tag(50707, "DNGBackwardVersion");
pub(super) const UNIQUE_CAMERA_MODEL: Tag = Tag(50708, "UniqueCameraModel");
pub(super) const CFA_PLANE_COLOR: Tag = Tag(50710, "CFAPlaneColor");
pub(super) const CFA_LAYOUT: Tag = Tag(50711, "CFALayout");
pub(super) const LINEARIZATION_TABLE: Tag = Tag(50712, "LinearizationTable");
pub(super) const BLACK_LEVEL_REPEAT_DIM: Tag = Tag(50713, "BlackLevelRepeatDim");
pub(super) const BLACK_LEVEL: Tag = Tag(50714, "BlackLevel");
pub(super) const BLACK_LEVEL_DELTA_H: Tag = Tag(50715, "BlackLevelDeltaH");
pub(super) const BLACK_LEVEL_DELTA_V: Tag = Tag(50716, "BlackLevelDeltaV");
pub(super) const WHITE_LEVEL: Tag = Tag(50717, "WhiteLevel");
pub(super) const DEFAULT_SCALE: Tag = Tag(50718, "DefaultScale");
pub(super) const DEFAULT_CROP_ORIGIN: Tag = Tag(50719, "DefaultCropOrigin");
pub(super) const DEFAULT_CROP_SIZE: Tag = Tag(50720, "DefaultCropSize");
pub(super) const COLOR_MATRICES: [Tag; 2] =
    [Tag(50721, "ColorMatrix1"), Tag(50722, "ColorMatrix2")];
pub(super) const CAMERA_CALIBRATIONS: [Tag; 2] = [
    Tag(50723, "CameraCalibration1"),
    Tag(50724, "CameraCalibration2"),
];
pub(super) const ANALOG_BALANCE: Tag = Tag(50727, "AnalogBalance");
pub(super) const AS_SHOT_NEUTRAL: Tag = Tag(50728, "AsShotNeutral");
pub(super) const AS_SHOT_WHITE_XY: Tag = Tag(50729, "AsShotWhiteXY");
pub(super) const LENS_INFO: Tag = Tag(50736, "LensInfo");
pub(super) const CALIBRATION_ILLUMINANTS: [Tag; 2] = [
    Tag(50778, "CalibrationIlluminant1"),
    Tag(50779, "CalibrationIlluminant2"),
];
pub(super) const ACTIVE_AREA: Tag = Tag(50829, "ActiveArea");
pub(super) const CAMERA_CALIBRATION_SIGNATURE: Tag = Tag(50931, "CameraCalibrationSignature");
pub(super) const PROFILE_CALIBRATION_SIGNATURE: Tag = Tag(50932, "ProfileCalibrationSignature");
pub(super) const FORWARD_MATRICES: [Tag; 2] =
    [Tag(50964, "ForwardMatrix1"), Tag(50965, "ForwardMatrix2")];
pub(super) const PREVIEW_COLOR_SPACE: Tag = Tag(50970, "PreviewColorSpace");
pub(super) const ROW_INTERLEAVE_FACTOR: Tag = Tag(50975, "RowInterleaveFactor");
pub(super) const OPCODE_LISTS: [Tag; 3] = [
    Tag(51008, "OpcodeList1"),
    Tag(51009, "OpcodeList2"),
    Tag(51022, "OpcodeList3"),
];
pub(super) const NOISE_PROFILE: Tag = Tag(51041, "NoiseProfile");
pub(super) const TIME_CODES: Tag = Tag(51043, "TimeCodes");
pub(super) const FRAME_RATE: Tag = Tag(51044, "FrameRate");
pub(super) const COLUMN_INTERLEAVE_FACTOR: Tag = Tag(52547, "ColumnInterleaveFactor");

/// Values of `NewSubFileType`: the picture itself, and one of fewer pixels.
pub(super) const MAIN_PICTURE: u32 = 0;
pub(super) const REDUCED_PICTURE: u32 = 1;

/// Values of `Compression`.
pub(super) const UNCOMPRESSED: u32 = 1;
pub(super) const OLD_JPEG: u32 = 6;
pub(super) const JPEG: u32 = 7;
pub(super) const JPEG_XL: u32 = 52546;

/// Values of `PhotometricInterpretation`.
pub(super) const YCBCR: u32 = 6;
pub(super) const GREY: u32 = 1;
pub(super) const COLOUR_FILTER_ARRAY: u32 = 32803;
pub(super) const LINEAR_RAW: u32 = 34892;
