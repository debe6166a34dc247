//! One processed stream, and one of raw frames beside it where they are wanted: configuration, buffers, and the
//! pictures in them.

use crate::controls;
use crate::owner::Error;
use bayonet_daemon::camera::encode::encode;
use bayonet_daemon::camera::negative::{self, Facts};
use bayonet_daemon::camera::pixels::{Format, Layout, Picture};
use bayonet_daemon::camera::raw;
use bayonet_daemon::camera::still::Quality;
use bayonet_daemon::camera::tags::Shot;
use bayonet_daemon::report::{self, Frame, Values};
use bayonet_daemon::wire::{Compression, Encoding, StreamRequest};
use libcamera::camera::{ActiveCamera, CameraConfiguration};
use libcamera::color_space::ColorSpace;
use libcamera::framebuffer::{AsFrameBuffer, FrameMetadataStatus};
use libcamera::framebuffer_allocator::{FrameBuffer, FrameBufferAllocator};
use libcamera::framebuffer_map::MemoryMappedFrameBuffer;
use libcamera::geometry::Size;
use libcamera::pixel_format::PixelFormat;
use libcamera::request::Request;
use libcamera::stream::{Stream, StreamRole};

/// One being filled, one queued, one on its way through the application, and one that a picture is made of.
const BUFFERS: u32 = 4;
/// With raw frames: each of those that record has one.
const RAW_BUFFERS: u32 = 8;
/// Of all pixels: they are few, because they are large.
const FULL_BUFFERS: u32 = 3;

/// Places of the streams in a configuration.
const PROCESSED: usize = 0;
const RAW: usize = 1;

/// A frame's memory, mapped for as long as the stream lasts.
type Buffer = MemoryMappedFrameBuffer<FrameBuffer>;

/// A configured stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Configured {
    stream: Stream,
    layout: Layout,
    raw: Option<(Stream, raw::Layout)>,
}

impl Configured {
    /// Configures the camera and makes requests with a buffer each.
    pub(super) fn new(
        camera: &mut ActiveCamera<'_>,
        request: &StreamRequest,
    ) -> Result<(Self, Vec<Request>), Error> {
        let (mut configuration, layout) = configuration(camera, request)?;
        let raw_layout = (request.raw)
            .then(|| raw_layout(&configuration))
            .transpose()?;
        let configured = camera.configure(&mut configuration);
        configured.map_err(Error::call("configure"))?;
        let made = |index| configuration.get(index).and_then(|stream| stream.stream());
        let stream = made(PROCESSED).ok_or(Error::NoStream)?;
        let raw = match raw_layout {
            Some(layout) => Some((made(RAW).ok_or(Error::NoRawStream)?, layout)),
            None => None,
        };
        let mut allocator = FrameBufferAllocator::new(camera);
        let mut buffers = |stream: &Stream| {
            let buffers = allocator.alloc(stream);
            let buffers = buffers.map_err(Error::call("allocate buffers"))?;
            let mapped = buffers.into_iter().map(Buffer::new);
            let mapped: Result<Vec<_>, _> = mapped.collect();
            mapped.map_err(|error| Error::Map(error.to_string()))
        };
        let pictures = buffers(&stream)?;
        let mut raw_frames = match &raw {
            Some((raw, _)) => buffers(raw)?,
            None => Vec::new(),
        }
        .into_iter();
        let mut requests = Vec::new();
        for buffer in pictures {
            let mut request = camera.create_request(None).ok_or(Error::NoRequest)?;
            let added = request.add_buffer(&stream, buffer);
            added.map_err(Error::call("add a buffer"))?;
            if let Some((raw, _)) = &raw {
                // As many requests as there are buffers for both.
                let Some(buffer) = raw_frames.next() else {
                    break;
                };
                let added = request.add_buffer(raw, buffer);
                added.map_err(Error::call("add a buffer"))?;
            }
            requests.push(request);
        }
        let configured = Self {
            stream,
            layout,
            raw,
        };
        Ok((configured, requests))
    }

    /// What clients are told.
    pub(super) fn description(&self) -> report::Stream {
        let fourcc = self.layout.format.fourcc().to_le_bytes();
        report::Stream {
            width: self.layout.width,
            height: self.layout.height,
            format: String::from_utf8_lossy(&fourcc).into_owned(),
        }
    }

    /// What clients are told of the raw frames, if there are any.
    pub(super) fn raw_description(&self) -> Option<report::Stream> {
        let (_, layout) = self.raw?;
        let fourcc = layout.format.fourcc().to_le_bytes();
        Some(report::Stream {
            width: layout.width as u32,
            height: layout.height as u32,
            format: String::from_utf8_lossy(&fourcc).into_owned(),
        })
    }

    /// The frame of a completed request, and how good it is.
    pub(super) fn frame(&self, request: &Request) -> Option<(Frame, Quality)> {
        let buffer = request.buffer::<Buffer>(&self.stream)?.metadata()?;
        let metadata = controls::metadata(request.metadata());
        let stamp = metadata.get("SensorTimestamp");
        let frame = Frame {
            sequence: buffer.sequence(),
            timestamp_ns: stamp
                .and_then(serde_json::Value::as_u64)
                .unwrap_or_else(|| buffer.timestamp()),
            metadata,
        };
        let quality = match buffer.status() {
            FrameMetadataStatus::Success => Quality::Success,
            FrameMetadataStatus::Startup => Quality::Startup,
            FrameMetadataStatus::Error | FrameMetadataStatus::Cancelled => Quality::Faulty,
        };
        Some((frame, quality))
    }

    /// Writes the raw frame that a completed request holds as a DNG.
    pub(super) fn dng(
        &self,
        request: &Request,
        facts: &Facts,
        compression: Compression,
        shot: &Shot,
        metadata: &Values,
    ) -> Result<Vec<u8>, String> {
        let mut samples = Vec::new();
        let frame = self.raw_frame(request, &mut samples)?;
        negative::dng(&frame, facts, compression, shot, metadata)
    }

    /// Reads the raw frame that a completed request holds.
    pub(super) fn raw_frame<'a>(
        &self,
        request: &Request,
        samples: &'a mut Vec<u16>,
    ) -> Result<negative::Frame<'a>, String> {
        let (stream, layout) = self.raw.ok_or("the stream has no raw frames")?;
        let buffer = request.buffer::<Buffer>(&stream);
        let data = buffer.ok_or("the frame has no raw buffer")?.data();
        let plane = data.first().ok_or("the raw buffer is empty")?;
        let bits = layout.read(plane, samples)?;
        Ok(negative::Frame {
            layout,
            bits,
            samples,
        })
    }

    /// Encodes the picture that a completed request holds, from where the hardware put it.
    pub(super) fn encode(
        &self,
        request: &Request,
        encoding: Encoding,
        shot: &Shot,
    ) -> Result<Vec<u8>, String> {
        let buffer = request.buffer::<Buffer>(&self.stream);
        let buffer = buffer.ok_or("the frame has no buffer")?;
        encode(Picture::new(self.layout, buffer.data())?, encoding, shot)
    }
}

/// The configuration nearest to what is asked for, in a format that can be encoded.
fn configuration(
    camera: &ActiveCamera<'_>,
    request: &StreamRequest,
) -> Result<(CameraConfiguration, Layout), Error> {
    let role = match request.full {
        true => StreamRole::StillCapture,
        false => StreamRole::ViewFinder,
    };
    let roles = [role, StreamRole::Raw];
    let generated = camera.generate_configuration(&roles[..1 + usize::from(request.raw)]);
    let mut configuration = generated.ok_or(Error::NoStream)?;
    let count = match (request.raw, request.full) {
        (true, true) => FULL_BUFFERS,
        (true, false) => RAW_BUFFERS,
        (false, _) => BUFFERS,
    };
    for format in Format::ALL {
        let mut stream = configuration.get_mut(PROCESSED).ok_or(Error::NoStream)?;
        stream.set_pixel_format(PixelFormat::new(format.fourcc(), 0));
        stream.set_color_space(Some(ColorSpace::sycc()));
        stream.set_buffer_count(count);
        if let Some([width, height]) = request.size {
            // A size that the processor cannot make ends libcamera 0.7.1 with an exception.
            let range = stream.formats().range(stream.get_pixel_format());
            let size = Size::new(width, height).expand_to(range.min);
            stream.set_size(size.bound_to(range.max).align_down_to(2, 2));
        }
        let size = stream.get_size();
        if request.raw {
            let mut stream = configuration.get_mut(RAW).ok_or(Error::NoRawStream)?;
            // Not packed, or the Raspberry Pi 5 compresses them with loss.
            let mut format = stream.get_pixel_format();
            format.clear_modifier();
            stream.set_pixel_format(format);
            stream.set_buffer_count(count);
            if !request.full {
                stream.set_size(size);
            }
        }
        let status = configuration.validate();
        let stream = configuration.get(PROCESSED).ok_or(Error::NoStream)?;
        let found = stream.get_pixel_format();
        let format = Format::named(found.fourcc()).filter(|_| !found.has_modifier());
        if let (Some(format), false) = (format, status.is_invalid()) {
            let size = stream.get_size();
            let layout = Layout {
                format,
                width: size.width,
                height: size.height,
                stride: stream.get_stride(),
            };
            return Ok((configuration, layout));
        }
    }
    Err(Error::NoFormat)
}

/// How the raw frames of a configuration lie in their buffers.
fn raw_layout(configuration: &CameraConfiguration) -> Result<raw::Layout, Error> {
    let stream = configuration.get(RAW).ok_or(Error::NoRawStream)?;
    let format = stream.get_pixel_format();
    let size = stream.get_size();
    let named = raw::Format::named(format.fourcc(), format.modifier());
    Ok(raw::Layout {
        format: named.ok_or_else(|| Error::RawFormat(format!("{format:?}")))?,
        width: size.width as usize,
        height: size.height as usize,
        stride: stream.get_stride() as usize,
    })
}
