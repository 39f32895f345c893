#!/usr/bin/env python3
"""Makes head.gz, the template of brain extraction, from MNI152 (ICBM 2009a, nonlinear, symmetric). usage: make.py FOLDER

FOLDER holds mni_icbm152_{t1,gm,wm}_tal_nlin_sym_09a_converted.nii.gz, as the Python package nilearn carries them (1 mm, the T1 without skull).
Needs numpy, scipy and nibabel. Run by hand; the result is committed.

head.gz, once inflated: one line of text, `vitrine-head 1 nx ny nz spacing x y z` (nodes, mm, the first node's place in LPS), then three maps of
nx * ny * nz bytes, x fastest. x runs from the mid plane to the left: the right half is its mirror image.
  distance  from the brain's surface, negative inside: (byte - 128) / 4 mm
  grey      share of grey matter, byte / 255
  white     share of white matter, byte / 255
"""
import gzip
import os
import sys

import nibabel
import numpy
from scipy import ndimage

SPACING = 4.0                                   # mm
SIZE = (25, 59, 52)                             # nodes: 0 to 96 mm left, 100 mm front to 132 mm back, 96 mm below to 108 mm above
FIRST = (0.0, -100.0, -96.0)                    # LPS, mm
MARGIN = 40                                     # voxels added on every side, so that the nodes lie inside


def symmetric(volume):
    return (volume + volume[::-1]) / 2


def load(folder, kind):
    image = nibabel.load(os.path.join(folder, f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"))
    assert numpy.allclose(image.affine[:3, :3], numpy.eye(3)), "expected 1 mm in RAS order"
    padded = numpy.pad(symmetric(image.get_fdata()), MARGIN)
    return padded, image.affine[:3, 3] - MARGIN


def at_nodes(volume, origin):
    x, y, z = (FIRST[axis] + SPACING * numpy.arange(SIZE[axis]) for axis in range(3))
    ras = numpy.meshgrid(-x, -y, z, indexing="ij")
    return ndimage.map_coordinates(volume, [ras[axis] - origin[axis] for axis in range(3)], order=1, mode="nearest")


def main(folder):
    t1, origin = load(folder, "t1")
    brain = ndimage.binary_fill_holes(t1 > 0)
    distance = numpy.where(brain, 0.5 - ndimage.distance_transform_edt(brain), ndimage.distance_transform_edt(~brain) - 0.5)
    maps = [at_nodes(ndimage.gaussian_filter(distance, 1.0), origin) * 4 + 128]
    for kind in ("gm", "wm"):
        share, _ = load(folder, kind)
        maps.append(at_nodes(ndimage.gaussian_filter(share / 255, SPACING / 2.35), origin) * 255)
    text = f"vitrine-head 1 {SIZE[0]} {SIZE[1]} {SIZE[2]} {SPACING:g} {FIRST[0]:g} {FIRST[1]:g} {FIRST[2]:g}\n".encode()
    raw = text + b"".join(numpy.clip(numpy.rint(m), 0, 255).astype(numpy.uint8).tobytes(order="F") for m in maps)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "head.gz"), "wb") as out:
        out.write(gzip.compress(raw, 9, mtime=0))
    print(f"brain {brain.sum() / 1e3:.0f} ml, {len(raw)} bytes raw")


if __name__ == "__main__":
    main(sys.argv[1])
