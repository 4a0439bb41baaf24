"""A PNG writer whose bytes depend on the pixels alone, not on the version of a zlib."""

import struct
import zlib

import numpy as np

__all__ = ["encode_png"]

_LARGEST_BLOCK = 65535


def encode_png(image: np.ndarray) -> bytes:
    """PNG file of an eight-bit greyscale (H, W) or RGB (H, W, 3) image, stored uncompressed.

    Compressors differ between builds of zlib; a stream of stored blocks (RFC 1951, section
    3.2.4) has one form only.
    """
    height, width = image.shape[:2]
    rows = np.ascontiguousarray(image, dtype=np.uint8).reshape(height, -1)
    data = np.pad(rows, ((0, 0), (1, 0))).tobytes()  # each row opens with its filter: 0, none
    starts = range(0, len(data), _LARGEST_BLOCK)
    blocks = [data[start : start + _LARGEST_BLOCK] for start in starts]
    stream = [b"\x78\x01"]
    for number, block in enumerate(blocks, 1):
        last = number == len(blocks)
        stream += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    stream.append(struct.pack(">I", zlib.adler32(data)))
    colour_type = 0 if image.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", b"".join(stream)), (b"IEND", b""))
    )
