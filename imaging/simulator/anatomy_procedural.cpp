// procedural_head of imaging/simulator/anatomy.h. Coordinates: LPS millimetres about the centre of the cerebrum.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/interrupt.h"
#include "imaging/simulator/anatomy.h"
#include "tensor/math.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint64_t kHeadSeed = 27;  // one fixed head: patients differ by their deformation, as with a real one

// How deep a point lies below the surface of an ellipsoid, in mm (first-order: exact on the axes' scale); negative outside.
double depth(const Vec3& p, const Vec3& centre, const Vec3& half) {
  double value = 0;
  double slope = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double x = (p[c] - centre[c]) / half[c];
    value += x * x;
    slope += (x / half[c]) * (x / half[c]);
  }
  const double radius = std::sqrt(value);
  return radius > 1e-6 ? (1 - radius) * radius / std::sqrt(slope) : std::min({half[0], half[1], half[2]});
}

// Folds: a random function with one dominant wavelength. Its zero set is the middle of the sulci, and value / slope is about the
// distance to it.
struct Folds {
  static constexpr std::size_t kWaves = 10;
  std::array<Vec3, kWaves> k{};
  std::array<double, kWaves> phase{};
  double slope = 1;

  Folds(std::uint32_t op, double wavelength) {
    const Draw draw{kHeadSeed, Purpose::simulate, 0, 0, op};
    for (std::uint32_t w = 0; w < kWaves; ++w) {
      Vec3 v{draw.normal(8 * w), draw.normal(8 * w + 1), draw.normal(8 * w + 2)};
      const double norm = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) + 1e-9;
      const double number = 2 * std::numbers::pi / (wavelength * draw.uniform(8 * w + 3, 0.8, 1.25));
      for (double& x : v) x *= number / norm;
      k[w] = v;
      phase[w] = draw.uniform(8 * w + 4, 0, 2 * std::numbers::pi);
    }
    // Root mean square of the gradient of a sum of unit cosines.
    slope = 2 * std::numbers::pi / wavelength * std::sqrt(kWaves / 2.0);
  }

  double distance(const Vec3& p) const {
    double sum = 0;
    for (std::size_t w = 0; w < kWaves; ++w) {
      sum += cos_portable(k[w][0] * p[0] + k[w][1] * p[1] + k[w][2] * p[2] + phase[w]);
    }
    return std::abs(sum) / slope;
  }
};

struct HeadModel {
  Folds cortex{1, 26};
  Folds folia{2, 9};
  double edge;  // width of a partial-volume edge in mm

  explicit HeadModel(double spacing) : edge(spacing) {}

  double inside(double d) const { return std::clamp(0.5 + d / edge, 0.0, 1.0); }

  static void set(TissueBytes& v, Tissue tissue, double share) {  // mixes `share` of a tissue over what is there
    const double keep = 1 - share;
    for (std::size_t t = 0; t < kTissues; ++t) v[t] = static_cast<std::uint8_t>(std::floor(keep * v[t] + 0.5));
    const double room = 255.0 * share + v[tissue];
    v[tissue] = static_cast<std::uint8_t>(std::min(255.0, std::floor(room + 0.5)));
  }

  // Grey ribbon of 3.5 mm below the surface and on both sides of the sulci, which reach 14 mm deep.
  void folded(TissueBytes& v, const Vec3& p, double below, const Folds& folds, double sulcus_depth, double ribbon) const {
    set(v, white_matter, inside(below));
    if (below < -edge) return;
    if (below < sulcus_depth + ribbon + edge) {
      const double to_fluid = std::min(below, folds.distance(p) + std::max(0.0, below - sulcus_depth));
      set(v, grey_matter, inside(below) * inside(ribbon + 0.7 - to_fluid));
      set(v, csf, inside(below) * inside(0.7 - to_fluid));
    }
  }

  void brain_parts(TissueBytes& v, const Vec3& p) const {
    folded(v, p, depth(p, {0, 0, 4}, {66, 84, 62}), cortex, 14, 3.5);
    folded(v, p, depth(p, {0, 46, -44}, {46, 30, 24}), folia, 12, 1.6);
    set(v, white_matter, inside(depth(p, {0, 12, -50}, {13, 14, 34})));  // brainstem
    for (const double side : {-1.0, 1.0}) {
      set(v, grey_matter, inside(depth(p, {13 * side, 6, 2}, {9, 15, 9})));    // thalamus
      set(v, grey_matter, inside(depth(p, {25 * side, -8, 2}, {6, 18, 11})));  // basal ganglia
      set(v, csf, inside(depth(p, {8 * side, -10, 14}, {5, 22, 9})));          // lateral ventricle, front
      set(v, csf, inside(depth(p, {17 * side, 26, 10}, {6, 18, 8})));          // and back
    }
    set(v, csf, inside(depth(p, {0, 4, 0}, {2, 12, 8})));     // third ventricle
    set(v, csf, inside(depth(p, {0, 28, -40}, {6, 5, 10})));  // fourth ventricle
    const bool falx = std::abs(p[0]) < 2.5 && p[2] > 14 + 0.004 * p[1] * p[1];
    if (falx) {
      set(v, csf, inside(2.0 - std::abs(p[0])));
      set(v, vessel, 0.6 * inside(0.6 - std::abs(p[0])));
    }
  }

  TissueBytes at(const Vec3& p) const {
    TissueBytes v{};
    const double head = depth(p, {0, -2, 0}, {80, 101, 84});
    const double neck = 58 - std::sqrt(p[0] * p[0] + (p[1] - 20) * (p[1] - 20));
    const double outer = p[2] < -30 ? std::max(head, neck) : head;
    if (outer < -edge) return v;
    const double room = std::max(depth(p, {0, 0, 4}, {69, 87, 65}), depth(p, {0, 44, -42}, {49, 34, 30}));
    const double scalp = outer;
    set(v, muscle, inside(scalp));
    set(v, fat, inside(scalp - 2) * inside(7 - scalp));
    if (room > -9) v = TissueBytes{};  // skull: no signal, with marrow in its middle
    if (room > -9) set(v, fat, 0.35 * inside(room + 6.5) * inside(-room - 3));
    if (room > -9) set(v, fat, inside(scalp - 2) * inside(-room - 8));
    if (room < -9) {
      for (const double side : {-1.0, 1.0}) set(v, csf, inside(depth(p, {30 * side, -84, -28}, {12, 12, 12})));  // eyes
      return v;
    }
    set(v, csf, inside(room));
    set(v, vessel, 0.35 * inside(room) * inside(1.5 - room));  // dura
    brain_parts(v, p);
    const double stem = depth(p, {0, 12, -50}, {13, 14, 34});
    const double whole = std::max({depth(p, {0, 0, 4}, {66, 84, 62}), depth(p, {0, 46, -44}, {46, 30, 24}), stem});
    v[brain] = static_cast<std::uint8_t>(std::lround(255 * inside(whole)));
    v[intracranial] = static_cast<std::uint8_t>(std::lround(255 * inside(std::max(room, stem))));
    return v;
  }
};

}  // namespace

Anatomy procedural_head(double spacing_mm) {
  Anatomy out;
  out.name = "procedural";
  const Vec3 low{-84, -107, -82};
  const Vec3 high{84, 104, 88};
  for (std::size_t c = 0; c < 3; ++c) {
    out.geometry.size[c] = static_cast<std::int64_t>(std::ceil((high[c] - low[c]) / spacing_mm)) + 1;
    out.geometry.spacing[c] = spacing_mm;
    out.geometry.origin[c] = low[c];
  }
  out.voxels.resize(static_cast<std::size_t>(out.geometry.voxels()));
  const HeadModel model(spacing_mm);
  const auto& size = out.geometry.size;
  parallel_for(size[2], 1, [&](std::int64_t first, std::int64_t last) {
    std::size_t n = static_cast<std::size_t>(first * size[0] * size[1]);
    for (std::int64_t k = first; k < last; ++k) {
      check_interrupt("simulation");
      for (std::int64_t j = 0; j < size[1]; ++j) {
        for (std::int64_t i = 0; i < size[0]; ++i, ++n) {
          out.voxels[n] =
              model.at(out.geometry.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        }
      }
    }
  });
  find_boxes(out);
  return out;
}

}  // namespace vitrine::imaging
