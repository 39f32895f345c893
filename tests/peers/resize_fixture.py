#!/usr/bin/env python3
"""Writes tests/golden/resize.json: Pillow's bilinear and bicubic resize of a patterned 18 x 24 image (Pillow 13.0 made the file)."""
import json
import sys

import numpy as np
from PIL import Image

y, x, c = np.meshgrid(np.arange(18), np.arange(24), np.arange(3), indexing="ij")
image = Image.fromarray(((y * 131 + x * 71 + c * 29 + x * y * 7) % 256).astype(np.uint8))
rows = []
for name, kind in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
    for height, width in [(8, 10), (40, 9), (18, 24), (1, 1), (31, 47), (5, 24), (4, 40)]:  # the last two: columns first
        pixels = np.asarray(image.resize((width, height), kind)).reshape(-1).tolist()
        rows.append({"filter": name, "height": height, "width": width, "rgb": pixels})
with open(sys.argv[1], "w") as f:
    json.dump(rows, f, separators=(",", ":"))
    f.write("\n")
