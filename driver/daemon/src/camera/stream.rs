//! One processed stream: its configuration, its buffers, and the pictures in them.

use super::controls;
use super::encode::encode;
use super::owner::Error;
use super::pixels::{Format, Layout, Picture};
use super::still::Quality;
use super::tags::Shot;
use crate::report::{self, Frame};
use crate::wire::{Encoding, StreamRequest};
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

/// A frame's memory, mapped for as long as the stream lasts.
type Buffer = MemoryMappedFrameBuffer<FrameBuffer>;

/// A configured stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Configured {
    stream: Stream,
    layout: Layout,
}

impl Configured {
    /// Configures the camera and makes requests with a buffer each.
    pub(super) fn new(
        camera: &mut ActiveCamera<'_>,
        request: &StreamRequest,
    ) -> Result<(Self, Vec<Request>), Error> {
        let (mut configuration, layout) = configuration(camera, request)?;
        let configured = camera.configure(&mut configuration);
        configured.map_err(Error::call("configure"))?;
        let stream = configuration.get(0).and_then(|stream| stream.stream());
        let stream = stream.ok_or(Error::NoStream)?;
        let mut allocator = FrameBufferAllocator::new(camera);
        let buffers = allocator.alloc(&stream);
        let mut requests = Vec::new();
        for buffer in buffers.map_err(Error::call("allocate buffers"))? {
            let buffer = Buffer::new(buffer).map_err(|error| Error::Map(error.to_string()))?;
            let mut request = camera.create_request(None).ok_or(Error::NoRequest)?;
            let added = request.add_buffer(&stream, buffer);
            added.map_err(Error::call("add a buffer"))?;
            requests.push(request);
        }
        Ok((Self { stream, layout }, requests))
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
    let generated = camera.generate_configuration(&[role]);
    let mut configuration = generated.ok_or(Error::NoStream)?;
    for format in Format::ALL {
        let mut stream = configuration.get_mut(0).ok_or(Error::NoStream)?;
        stream.set_pixel_format(PixelFormat::new(format.fourcc(), 0));
        stream.set_color_space(Some(ColorSpace::sycc()));
        stream.set_buffer_count(BUFFERS);
        if let Some([width, height]) = request.size {
            // A size that the processor cannot make ends libcamera 0.7.1 with an exception.
            let range = stream.formats().range(stream.get_pixel_format());
            let size = Size::new(width, height).expand_to(range.min);
            stream.set_size(size.bound_to(range.max).align_down_to(2, 2));
        }
        let status = configuration.validate();
        let stream = configuration.get(0).ok_or(Error::NoStream)?;
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
