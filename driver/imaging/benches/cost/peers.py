"""What others do with the same samples, on one thread: `peers.py DIRECTORY`.

The directory holds `job.json`, which names pictures and a raw frame, and their samples. What is found is printed as
JSON: a list of {what, peer, seconds, megapixels}, with `bytes` for what compresses and `pictures`, files of 8 bit
red, green and blue, for what demosaics.
"""

import json
import sys
import time
from pathlib import Path

import colour_demosaicing
import cv2
import imagecodecs
import numpy as np

# Each step runs at least so often, and at least so long in seconds.
RUNS, SECONDS = 3, 1.0
# Rows and columns of the frame for what is too slow, or needs too much memory, for a whole one.
PART = (1024, 1536)


def least(step):
    """The least time of some runs, in seconds."""
    began = time.perf_counter()
    times = []
    while len(times) < RUNS or time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def edge_aware(samples):
    return cv2.demosaicing(samples, cv2.COLOR_BayerRGGB2RGB_EA)


def variable_gradients(samples):
    return cv2.demosaicing(samples, cv2.COLOR_BayerRGGB2RGB_VNG)


def menon(samples):
    return colour_demosaicing.demosaicing_CFA_Bayer_Menon2007(samples, "RGGB")


def unpack(packed, shape):
    """12 bits as CSI-2 has them, the way it is commonly written with numpy."""
    groups = packed.reshape(-1, 3).astype(np.uint16)
    samples = np.empty((len(groups), 2), np.uint16)
    samples[:, 0] = groups[:, 0] << 4 | groups[:, 2] & 15
    samples[:, 1] = groups[:, 1] << 4 | groups[:, 2] >> 4
    return samples.reshape(shape)


def main():
    directory = Path(sys.argv[1])
    job = json.loads((directory / "job.json").read_text())
    cv2.setNumThreads(1)
    found = []

    def tell(what, peer, seconds, shape, **more):
        found.append({"what": what, "peer": peer, "seconds": seconds, "megapixels": shape[0] * shape[1] / 1e6, **more})

    def samples(name, kind, *shape):
        return np.fromfile(directory / name, kind).reshape(shape)

    shape = (job["height"], job["width"])
    frame = samples("frame", np.uint16, *shape)
    part = np.ascontiguousarray(frame[: PART[0], : PART[1]])
    opencv = f"OpenCV {cv2.__version__}"
    menon_version = f"colour-demosaicing {colour_demosaicing.__version__}"
    for peer, demosaic, raw in [
        (f"{opencv} edge-aware, 16 bits", edge_aware, frame),
        (f"{opencv} VNG, 8 bits", variable_gradients, (frame >> 4).astype(np.uint8)),
        (f"{menon_version} Menon", menon, part.astype(np.float64)),
    ]:
        pictures = []
        for picture in job["pictures"]:
            mosaic = samples(picture["file"], np.uint8, picture["height"], picture["width"])
            made = demosaic(mosaic.astype(raw.dtype) if raw.dtype != np.uint16 else mosaic.astype(np.uint16) << 4)
            scale = 16 if raw.dtype == np.uint16 else 1
            name = f"{picture['file']}-{len(found)}"
            np.clip(np.rint(made / scale), 0, 255).astype(np.uint8).tofile(directory / name)
            pictures.append(name)
        tell("demosaic", peer, least(lambda: demosaic(raw)), raw.shape, pictures=pictures)

    codecs = f"imagecodecs {imagecodecs.__version__}"
    for codec, peer, encode, decode in [
        (
            "lossless JPEG",
            codecs,
            lambda: imagecodecs.ljpeg_encode(frame, bitspersample=12),
            imagecodecs.ljpeg_decode,
        ),
        (
            "JPEG XL",
            f"{codecs}, effort 1",
            lambda: imagecodecs.jpegxl_encode(frame, lossless=True, effort=1, numthreads=1),
            lambda stream: imagecodecs.jpegxl_decode(stream, numthreads=1),
        ),
    ]:
        stream = encode()
        if not np.array_equal(np.squeeze(decode(stream)), frame):
            sys.exit(f"{codec} of {peer} is not lossless")
        tell(f"{codec}, write", peer, least(encode), shape, bytes=len(stream))
        tell(f"{codec}, read", peer, least(lambda: decode(stream)), shape, bytes=len(stream))

    packed = samples("packed", np.uint8, -1)
    tell("unpack", f"numpy {np.__version__}", least(lambda: unpack(packed, shape)), shape)
    json.dump(found, sys.stdout)


main()
