//! What a value of the configuration has to be. The reader adds file and line to what is said here.

use crate::report::CameraName;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::path::PathBuf;
use std::time::Duration;

/// Widest and highest stream, in pixels: V4L2's formats of this hardware end there.
const SIZE_LIMIT: u32 = 1 << 16;
/// Longest name of a user or a group (`useradd`).
const NAME_LIMIT: usize = 32;

pub(super) fn absolute<'de, D: Deserializer<'de>>(value: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(value)?;
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(D::Error::custom(format!(
            "{path:?} is not an absolute path"
        )))
    }
}

pub(super) fn absolute_if_any<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<PathBuf>, D::Error> {
    absolute(value).map(Some)
}

pub(super) fn absolute_each<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(value)?;
    match paths.iter().find(|path| !path.is_absolute()) {
        Some(path) => Err(D::Error::custom(format!(
            "{path:?} is not an absolute path"
        ))),
        None => Ok(paths),
    }
}

pub(super) fn account<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let name = String::deserialize(value)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name)
    } else {
        Err(D::Error::custom(format!(
            "{name:?} cannot be the name of a user or group"
        )))
    }
}

pub(super) fn distinct<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<CameraName>, D::Error> {
    let cameras = Vec::<CameraName>::deserialize(value)?;
    if (1..cameras.len()).any(|i| cameras[..i].contains(&cameras[i])) {
        return Err(D::Error::custom("a camera is named twice"));
    }
    Ok(cameras)
}

pub(super) fn size<'de, D: Deserializer<'de>>(value: D) -> Result<Option<[u32; 2]>, D::Error> {
    let size = <[u32; 2]>::deserialize(value)?;
    if size.iter().all(|side| (1..=SIZE_LIMIT).contains(side)) {
        Ok(Some(size))
    } else {
        Err(D::Error::custom(format!(
            "a size is [width, height], each 1 to {SIZE_LIMIT}"
        )))
    }
}

pub(super) fn quality<'de, D: Deserializer<'de>>(value: D) -> Result<u8, D::Error> {
    count::<D, 1, 100>(value).map(|quality| quality as u8)
}

pub(super) fn count<'de, D: Deserializer<'de>, const MIN: u32, const MAX: u32>(
    value: D,
) -> Result<u32, D::Error> {
    let count = i64::deserialize(value)?;
    u32::try_from(count)
        .ok()
        .filter(|count| (MIN..=MAX).contains(count))
        .ok_or_else(|| D::Error::custom(format!("{count} is not within {MIN} to {MAX}")))
}

pub(super) fn milliseconds<'de, D: Deserializer<'de>, const MIN: u32, const MAX: u32>(
    value: D,
) -> Result<Duration, D::Error> {
    count::<D, MIN, MAX>(value).map(|count| Duration::from_millis(count.into()))
}
