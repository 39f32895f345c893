// A brain of three tissues in a box, for tests of what is measured inside one: an ellipsoid of folded grey and white matter with ventricles,
// a lesion if wanted, a smooth field and noise that is a function of the voxel.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "imaging/volume.h"
#include "tensor/philox.h"

namespace vitrine::imaging {

struct Phantom {
  Volume head;   // without field and noise
  Mask brain;    // 0 or 1
  Mask lesion;   // 0 or 1
  Volume field;  // exp of a sum of cosines
  Volume image;  // head * field + noise
};

struct PhantomOptions {
  std::array<double, 3> tissue{0.3, 0.75, 1.0};  // fluid, grey, white matter
  double lesion = 2.0;                           // its intensity
  double lesion_radius = 0;                      // mm; 0 for none
  double field = 0.05;                           // standard deviation of its logarithm, about
  double noise = 0.03;
  double gain = 400;
};

// 2 mm voxels, 160 x 184 x 144 mm. The lesion lies 25 mm to the left of the middle.
inline Phantom make_phantom(const PhantomOptions& o) {
  const Geometry g{{80, 92, 72}, {2, 2, 2}, {-79, -91, -71}};
  Phantom p;
  for (Volume* v : {&p.head, &p.brain, &p.lesion, &p.field, &p.image})
    *v = {g, std::vector<float>(static_cast<std::size_t>(g.voxels()))};
  for (std::int64_t at = 0; at < g.voxels(); ++at) {
    const auto n = static_cast<std::size_t>(at);
    const Vec3 x =
        g.to_physical({static_cast<double>(at % 80), static_cast<double>(at / 80 % 92), static_cast<double>(at / (80 * 92))});
    const auto ball = [&](double a, double b, double c) {
      return std::sqrt(x[0] * x[0] / (a * a) + x[1] * x[1] / (b * b) + x[2] * x[2] / (c * c));
    };
    const double folds =
        0.07 * (std::sin(x[0] / 7 + std::sin(x[1] / 11)) + std::sin(x[1] / 6 - x[2] / 9) + std::sin(x[2] / 7 + x[0] / 13));
    const double r = ball(70, 82, 62);
    const double white = 1 / (1 + std::exp((r + folds - 0.82) / 0.012)),
                 fluid = 1 / (1 + std::exp((ball(9, 22, 10) - 1) / 0.05));
    double v = o.tissue[1] + white * (o.tissue[2] - o.tissue[1]);
    v += fluid * (o.tissue[0] - v);
    const double to_lesion = std::sqrt((x[0] - 25) * (x[0] - 25) + x[1] * x[1] + x[2] * x[2]);
    p.lesion.data[n] = to_lesion < o.lesion_radius ? 1.0f : 0.0f;
    if (to_lesion < o.lesion_radius) v = o.lesion;
    p.brain.data[n] = r < 1 ? 1.0f : 0.0f;
    const double f =
        std::exp(o.field * (std::cos(2 * M_PI * (0.5 * x[0] + 0.3 * x[1]) / 200 + 1) +
                            std::cos(2 * M_PI * 0.6 * x[2] / 200 + 2) + 0.5 * std::cos(2 * M_PI * 0.8 * x[1] / 200)));
    p.head.data[n] = r < 1.1 ? static_cast<float>(o.gain * v) : 0.0f;
    p.field.data[n] = static_cast<float>(f);
    const double e = o.noise * o.gain * Draw{1, Purpose::simulate, 0, 0, 0}.normal(static_cast<std::uint32_t>(at));
    p.image.data[n] = static_cast<float>(std::abs(static_cast<double>(p.head.data[n]) * f + e));
  }
  return p;
}

}  // namespace vitrine::imaging
