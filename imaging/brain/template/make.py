#!/usr/bin/env python3
"""Makes head.gz, the template of brain extraction. usage: make.py FOLDER HEAD [OUT [BRAIN]]

FOLDER  holds mni_icbm152_{t1,gm,wm}_tal_nlin_sym_09a_converted.nii.gz (ICBM 2009a, nonlinear, symmetric), as the Python package nilearn carries them:
        1 mm, the T1 without skull. The brain comes from these.
HEAD    is ch2.nii.gz (Colin27) of Debian's mricron-data, which has skull, scalp and face and lies in the same space. What lies around the brain comes from it.
BRAIN   takes the place of FOLDER's maps: the skull-stripped twin of HEAD (ch2bet.nii.gz), whose tissue is told by its brightness. To compare templates.
Needs numpy, scipy and nibabel. Run by hand; the result is committed.

head.gz, once inflated: one line of text, `vitrine-head 2 nx ny nz spacing x y z` (nodes, mm, the first node's place in LPS), then five maps of
nx * ny * nz bytes, x fastest. x runs from the mid plane to the left: the right half is its mirror image.
  distance  from the brain's surface, negative inside: (byte - 128) / 4 mm
  grey      share of grey matter, byte / 255
  white     share of white matter, byte / 255
  soft      share of what is bright outside of the brain (scalp, muscle, fat, marrow), byte / 255
  air       share of what lies outside of the head, byte / 255; what none of these claims is dark (bone, sinuses)
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
    return (volume + volume[::-1]) / 2          # both grids lie alike on both sides of x = 0


def load(folder, kind):
    image = nibabel.load(os.path.join(folder, f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"))
    assert numpy.allclose(image.affine[:3, :3], numpy.eye(3)), "expected 1 mm in RAS order"
    padded = numpy.pad(symmetric(image.get_fdata()), MARGIN)
    return padded, image.affine[:3, 3] - MARGIN


def maps_of_average(folder):
    """Brain, shares of grey and of white matter, and where the first voxel lies."""
    t1, origin = load(folder, "t1")
    grey, white = (load(folder, kind)[0] / 255 for kind in ("gm", "wm"))
    return ndimage.binary_fill_holes(t1 > 0), grey, white, origin


def maps_of_head(path, brain_path):
    head, brain = (numpy.pad(nibabel.load(p).get_fdata(), MARGIN) for p in (path, brain_path))
    brain = brain > 0
    level = numpy.median(head[brain])                    # between grey and white matter
    white = numpy.clip((head / level - 0.95) / 0.15, 0, 1) * brain
    grey = numpy.clip((head / level - 0.45) / 0.3, 0, 1) * brain - white
    return symmetric(brain * 1.0) >= 0.5, symmetric(numpy.clip(grey, 0, 1)), symmetric(white), nibabel.load(path).affine[:3, 3] - MARGIN


def at_nodes(volume, origin):
    x, y, z = (FIRST[axis] + SPACING * numpy.arange(SIZE[axis]) for axis in range(3))
    ras = numpy.meshgrid(-x, -y, z, indexing="ij")
    return ndimage.map_coordinates(volume, [ras[axis] - origin[axis] for axis in range(3)], order=1, mode="nearest")


def around(path):
    """Soft tissue and air of the head, on the padded grid of 1 mm whose first voxel is at `origin`."""
    image = nibabel.load(path)
    assert numpy.allclose(image.affine[:3, :3], numpy.eye(3)), "expected 1 mm in RAS order"
    head = numpy.pad(image.get_fdata(), ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, MARGIN)))
    head = numpy.pad(head, ((0, 0), (0, 0), (MARGIN, 0)), mode="edge")      # below its last slice a head goes on
    smooth = ndimage.gaussian_filter(head, 1.0)
    solid = ndimage.binary_closing(smooth > 20, iterations=8)
    solid = numpy.stack([ndimage.binary_fill_holes(solid[:, :, k]) for k in range(solid.shape[2])], 2)
    soft = numpy.clip((smooth - 25) / 30, 0, 1) * solid
    return symmetric(soft), symmetric(1.0 - solid), image.affine[:3, 3] - MARGIN


def main(folder, path, out=None, brain_path=None):
    brain, grey, white, origin = maps_of_head(path, brain_path) if brain_path else maps_of_average(folder)
    distance = numpy.where(brain, 0.5 - ndimage.distance_transform_edt(brain), ndimage.distance_transform_edt(~brain) - 0.5)
    soft, air, around_origin = around(path)
    blur = SPACING / 2.35
    maps = [at_nodes(ndimage.gaussian_filter(distance, 1.0), origin) * 4 + 128]
    maps += [at_nodes(ndimage.gaussian_filter(share, blur), origin) * 255 for share in (grey, white)]
    maps += [at_nodes(ndimage.gaussian_filter(share, blur), around_origin) * 255 for share in (soft, air)]
    text = f"vitrine-head 2 {SIZE[0]} {SIZE[1]} {SIZE[2]} {SPACING:g} {FIRST[0]:g} {FIRST[1]:g} {FIRST[2]:g}\n".encode()
    raw = text + b"".join(numpy.clip(numpy.rint(m), 0, 255).astype(numpy.uint8).tobytes(order="F") for m in maps)
    with open(out or os.path.join(os.path.dirname(os.path.abspath(__file__)), "head.gz"), "wb") as file:
        file.write(gzip.compress(raw, 9, mtime=0))
    print(f"brain {brain.sum() / 1e3:.0f} ml, {len(raw)} bytes raw")


if __name__ == "__main__":
    main(*sys.argv[1:])
