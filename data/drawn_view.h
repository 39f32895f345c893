// One random view of an image: what is drawn for it (data/augment.h).
#pragma once

namespace vitrine {

// Where an output pixel (y, x), measured from the image's centre, is read from: ([a b; c d] (y, x) + (ty, tx)) / (py y + px x + p). Without a
// warp the divisor is 1 and not divided by.
struct Affine {
  double a = 1, b = 0, c = 0, d = 1, ty = 0, tx = 0;
  double py = 0, px = 0, p = 1;
  bool identity = true, warped = false;
};

struct Lighting {  // in logit space: (v + shift) * scale
  double shift = 0, scale = 1;
  bool identity = true;
};

struct View {
  Affine affine;
  Lighting light;
};

}  // namespace vitrine
