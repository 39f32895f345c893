#!/usr/bin/env python3
"""Writes tests/golden/photographs.json: small pictures of many kinds, and what Pillow (13.0, with libjpeg-turbo 3) makes of each: the size as
it is looked at, the SHA-256 of the central square of its shorter side, and of a 24 x 24 cut from 28 pixels, both as RGB.

usage: photograph_fixture.py OUTPUT"""
import base64
import hashlib
import io
import json
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

random = np.random.default_rng(13)
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(values, depth, channels):
    """Rows as PNG stores them, each with the next of the five filters."""
    out, before, pixel = b"", None, max(1, channels * depth // 8)
    for y, row in enumerate(values):
        if depth >= 8:
            data = row.astype(">u2" if depth == 16 else np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        now = np.frombuffer(data, np.uint8).astype(int)
        up = before if before is not None else np.zeros_like(now)
        left, corner = (np.concatenate([np.zeros(pixel, int), line])[: len(now)] for line in (now, up))
        guess = left + up - corner
        nearest = np.where((abs(guess - left) <= abs(guess - up)) & (abs(guess - left) <= abs(guess - corner)), left,
                           np.where(abs(guess - up) <= abs(guess - corner), up, corner))
        kind = y % 5
        taken = now - [0, left, up, (left + up) // 2, nearest][kind]
        out += bytes([kind]) + (taken % 256).astype(np.uint8).tobytes()
        before = now
    return out


def png(height, width, depth, colour, interlaced=False, extra=b"", behind=b"", colours=None):
    values = random.integers(0, (1 << depth) if colours is None else colours, (height, width, CHANNELS[colour]))
    parts = PASSES if interlaced else [(0, 0, 1, 1)]
    raw = b"".join(filtered(values[y::dy, x::dx].reshape(len(range(y, height, dy)), -1), depth, CHANNELS[colour])
                   for x, y, dx, dy in parts if x < width and y < height)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw, 9)) + behind + chunk(b"IEND", b""))


def palette(count):
    return chunk(b"PLTE", random.integers(0, 256, 3 * count).astype(np.uint8).tobytes())


def tiff(orientation, little=True, kind=3, count=1):
    order = "<" if little else ">"
    value = struct.pack(order + "HH", orientation, 0) if kind in (3, 8) else struct.pack(order + "I", orientation)
    other = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0)
    return ((b"II*\0" if little else b"MM\0*") + struct.pack(order + "IH", 8, 2) + other +
            struct.pack(order + "HHI", 0x0112, kind, count) + value + b"\0\0\0\0")


def scene(height, width):
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), ((x // 5 + y // 7) % 2) * 190], -1)
    return np.clip(image + random.integers(-25, 26, image.shape), 0, 255).astype(np.uint8)


def jpeg(height, width, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(scene(height, width)).convert(mode).save(out, "JPEG", quality=85, optimize=True, **options)
    return out.getvalue()


def with_segments(data, *segments):
    return data[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments) + data[2:]


def adobe(data, transform):
    """The Adobe segment with another transform, or (None) without it."""
    at = data.find(b"\xff\xee")
    end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return data[:at] + data[end:] if transform is None else data[: end - 1] + bytes([transform]) + data[end:]


def pictures():
    jpegs = {
        "baseline": jpeg(37, 52), "baseline_444": jpeg(37, 52, subsampling=0), "baseline_422": jpeg(52, 37, subsampling=1),
        "grey": jpeg(37, 52, "L"), "progressive": jpeg(52, 37, progressive=True), "progressive_444": jpeg(40, 90, progressive=True, subsampling=0),
        "progressive_grey": jpeg(37, 52, "L", progressive=True), "restarts": jpeg(70, 52, restart_marker_blocks=3),
        "tall": jpeg(200, 24), "wide": jpeg(24, 200), "one_row": jpeg(2, 60), "cmyk": jpeg(37, 52, "CMYK"),
        "cmyk_progressive": jpeg(37, 52, "CMYK", progressive=True), "rgb_stored": jpeg(37, 52, keep_rgb=True),
    }
    jpegs["cmyk_unmarked"] = adobe(jpegs["cmyk"], None)
    jpegs["ycck"] = adobe(jpegs["cmyk"], 2)
    turned, xmp = jpeg(26, 40), b'http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation="6"/>'
    for orientation in range(10):
        jpegs[f"exif_{orientation}"] = with_segments(turned, b"Exif\0\0" + tiff(orientation, orientation % 2 == 0))
    jpegs["exif_6_progressive"] = with_segments(jpegs["progressive"], b"Exif\0\0" + tiff(6))
    jpegs["exif_8_tall"] = with_segments(jpegs["tall"], b"Exif\0\0" + tiff(8, False))
    jpegs["exif_long"] = with_segments(turned, b"Exif\0\0" + tiff(5, True, 4))
    jpegs["exif_two_values"] = with_segments(turned, b"Exif\0\0" + tiff(7, False, 3, 2))
    jpegs["exif_byte"] = with_segments(turned, b"Exif\0\0" + tiff(7, True, 1))
    jpegs["exif_in_two"] = with_segments(turned, b"Exif\0\0" + tiff(6)[:15], b"Exif\0\0" + tiff(6)[15:])
    jpegs["xmp_alone"] = with_segments(turned, xmp)
    jpegs["xmp_and_exif_3"] = with_segments(turned, xmp, b"Exif\0\0" + tiff(3))
    pngs = {}
    for colour, depths in ((0, (1, 2, 4, 8)), (2, (8,)), (3, (1, 2, 4, 8)), (4, (8,)), (6, (8,))):
        for depth in depths:
            extra = palette(1 << depth if depth < 8 else 40) if colour == 3 else b""
            colours = 40 if colour == 3 and depth == 8 else None
            pngs[f"colour_{colour}_{depth}"] = png(13, 19, depth, colour, False, extra, colours=colours)
            pngs[f"colour_{colour}_{depth}_interlaced"] = png(19, 13, depth, colour, True, extra, colours=colours)
    pngs["palette_transparent"] = png(13, 19, 4, 3, False, palette(16) + chunk(b"tRNS", bytes(range(9))))
    pngs["grey_transparent"] = png(13, 19, 8, 0, False, chunk(b"tRNS", b"\0\7"))
    pngs["rgb_transparent"] = png(13, 19, 8, 2, False, chunk(b"tRNS", b"\0\1\0\2\0\3"))
    pngs["gamma_and_profile"] = png(13, 19, 8, 2, False, chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"iCCP", b"p\0\0" + zlib.compress(b"none")))
    pngs["one_pixel"] = png(1, 1, 8, 2)
    pngs["row"] = png(1, 40, 8, 2)
    pngs["column"] = png(40, 1, 8, 2)
    pngs["exif_6"] = png(13, 19, 8, 2, False, chunk(b"eXIf", tiff(6)))
    pngs["exif_7_behind"] = png(13, 19, 8, 2, False, b"", chunk(b"eXIf", tiff(7, False)))
    pngs["exif_8_interlaced"] = png(13, 19, 8, 2, True, chunk(b"eXIf", tiff(8)))
    profile = b"\nexif\n%8d\n" % len(tiff(5)) + tiff(5).hex().encode() + b"\n"
    pngs["exif_5_in_a_text"] = png(13, 19, 8, 0, False, chunk(b"tEXt", b"Raw profile type exif\0" + profile))
    pngs["exif_5_in_a_packed_text"] = png(13, 19, 8, 0, False, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)))
    pngs["xmp_8"] = png(13, 19, 8, 0, False, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<tiff:Orientation>8</tiff:Orientation>"))
    return {**{f"{n}.jpg": d for n, d in jpegs.items()}, **{f"{n}.png": d for n, d in pngs.items()}}


def square(image, resized, crop):
    ratio = resized / min(image.size)
    width, height = (round(side * ratio) for side in image.size)
    left, top = (width - crop) // 2, (height - crop) // 2
    pixels = image.resize((width, height), Image.BICUBIC).crop((left, top, left + crop, top + crop))
    return hashlib.sha256(np.asarray(pixels).tobytes()).hexdigest()


rows = []
for name, data in pictures().items():
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    side = min(image.size)
    rows.append({"name": name, "width": image.width, "height": image.height, "whole": square(image, side, side),
                 "cut": square(image, 28, 24), "bytes": base64.b64encode(data).decode()})
with open(sys.argv[1], "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
