// drawn_field, field_volume and stored_as of imaging/simulator/scan.h.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "imaging/orientation.h"
#include "imaging/simulator/scan.h"
#include "tensor/math.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint32_t kNodesDraw = 5000, kCosineDraw = 8000;

// Weights of the four nodes around a place 0..1 of an axis of a clamped cubic B-spline with n nodes, and the first of them.
struct Weights {
  std::int64_t first = 0;
  std::array<double, 4> w{};
};

Weights weights_at(double place, std::int64_t nodes) {
  const double x = std::clamp(place, 0.0, 1.0) * static_cast<double>(nodes - 3);
  Weights out;
  out.first = std::min(static_cast<std::int64_t>(x), nodes - 4);
  const double t = x - static_cast<double>(out.first), u = 1 - t;
  out.w = {u * u * u / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * u * u * u - 6 * u * u + 4) / 6, t * t * t / 6};
  return out;
}

double along_cosines(const Vec3& amplitude, double place) {
  const double x = std::numbers::pi * place;
  return amplitude[0] * cos_portable(x) + amplitude[1] * cos_portable(2 * x) + amplitude[2] * cos_portable(3 * x);
}

// Log field at places 0..1 along the axes of the grid.
double log_at(const CoilField& f, const Vec3& place) {
  if (f.shape == CoilField::Shape::none) return 0;
  if (f.shape == CoilField::Shape::cosine)
    return along_cosines(f.cosines[0], place[0]) + along_cosines(f.cosines[1], place[1]) +
           along_cosines(f.cosines[2], place[2]);
  const Weights x = weights_at(place[0], f.nodes[0]), y = weights_at(place[1], f.nodes[1]),
                z = weights_at(place[2], f.nodes[2]);
  double sum = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    for (std::size_t b = 0; b < 4; ++b) {
      const std::int64_t row =
          ((z.first + static_cast<std::int64_t>(c)) * f.nodes[1] + y.first + static_cast<std::int64_t>(b)) * f.nodes[0];
      double line = 0;
      for (std::size_t a = 0; a < 4; ++a)
        line += x.w[a] * f.lattice[static_cast<std::size_t>(row + x.first + static_cast<std::int64_t>(a))];
      sum += z.w[c] * y.w[b] * line;
    }
  }
  return sum;
}

Vec3 place_of(const Geometry& grid, const Vec3& index) {
  Vec3 place;
  for (std::size_t c = 0; c < 3; ++c) place[c] = (index[c] + 0.5) / static_cast<double>(grid.size[c]);
  return place;
}

void scale(CoilField& f, double factor) {
  for (double& v : f.lattice) v *= factor;
  for (Vec3& a : f.cosines) {
    for (double& v : a) v *= factor;
  }
}

void draw_shape(CoilField& f, const Draw& own, const Draw& site, double pattern) {
  const auto draw = [&](std::uint32_t i) { return (1 - pattern) * own.normal(i) + pattern * site.normal(i); };
  if (f.shape == CoilField::Shape::cosine) {
    for (std::uint32_t axis = 0; axis < 3; ++axis) {
      for (std::uint32_t order = 0; order < 3; ++order)
        f.cosines[axis][order] = draw(kCosineDraw + 3 * axis + order) / (order + 1);
    }
    return;
  }
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    f.nodes[axis] = 5 + own.below(static_cast<std::uint32_t>(kCosineDraw + 20 + axis), 2);  // of 5 or 6 nodes, 3 or 4 inside
    if (pattern > 0) f.nodes[axis] = 5;
    count *= f.nodes[axis];
  }
  for (std::int64_t n = 0; n < count; ++n) f.lattice.push_back(draw(kNodesDraw + static_cast<std::uint32_t>(n)));
}

}  // namespace

CoilField drawn_field(const ScannedHead& head, const Scan& scan, CoilField::Shape shape, double peak_to_peak,
                      std::uint64_t seed, std::uint32_t op, std::uint32_t site, double pattern) {
  CoilField f;
  f.shape = peak_to_peak > 0 ? shape : CoilField::Shape::none;
  f.peak_to_peak = peak_to_peak;
  if (f.shape == CoilField::Shape::none) return f;
  const Draw own{seed, Purpose::simulate, 0, head.patient().number, op},
      of_site{seed, Purpose::simulate, 0, 1u << 30 | site, op};
  draw_shape(f, own, of_site, pattern);
  const RigidMap map = scan.from_t1c.map();
  double low = 0, high = 0;
  bool any = false;
  for (const Vec3& p : head.points()) {
    const Vec3 index = scan.grid.to_index(map.apply(p));
    if (!scan.grid.holds(index)) continue;
    const double v = log_at(f, place_of(scan.grid, index));
    low = any ? std::min(low, v) : v;
    high = any ? std::max(high, v) : v;
    any = true;
  }
  if (high > low) scale(f, log_portable((1 + peak_to_peak / 2) / (1 - peak_to_peak / 2)) / (high - low));
  return f;
}

Volume field_volume(const Scan& scan) {
  const Geometry& grid = scan.grid;
  Volume volume{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()), 1.0f)};
  if (scan.field.shape == CoilField::Shape::none) return volume;
  parallel_for(grid.size[2], 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t at = first * grid.size[1] * grid.size[0]; at < last * grid.size[1] * grid.size[0]; ++at) {
      const Vec3 index{static_cast<double>(at % grid.size[0]), static_cast<double>(at / grid.size[0] % grid.size[1]),
                       static_cast<double>(at / (grid.size[0] * grid.size[1]))};
      volume.data[static_cast<std::size_t>(at)] = static_cast<float>(exp_portable(log_at(scan.field, place_of(grid, index))));
    }
  });
  return volume;
}

const std::vector<std::string>& storage_codes() {
  static const std::vector<std::string> codes = [] {
    std::vector<std::string> all;
    for (const char* order : {"xyz", "xzy", "yxz", "yzx", "zxy", "zyx"}) {
      for (int flips = 0; flips < 8; ++flips) {
        std::string code;
        for (int c = 0; c < 3; ++c) {
          const char* letters = order[c] == 'x' ? "LR" : order[c] == 'y' ? "PA" : "SI";
          code += letters[flips >> c & 1];
        }
        all.push_back(code);
      }
    }
    return all;
  }();
  return codes;
}

Volume stored_as(const Volume& volume, const std::string& code) {
  const auto& codes = storage_codes();
  if (std::find(codes.begin(), codes.end(), code) == codes.end())
    throw UsageError(
        text("the storage order is '", code, "', expected three letters of R L A P I S, one of each pair, or mix"));
  const StorageOrder from = storage_order(volume.geometry);
  const Geometry& g = volume.geometry;
  Geometry out = g;
  std::array<std::size_t, 3> source{};
  std::array<bool, 3> turned{};
  Vec3 first{};
  for (std::size_t c = 0; c < 3; ++c) {
    const char letter = code[c];
    const std::size_t anatomical = letter == 'L' || letter == 'R' ? 0 : letter == 'P' || letter == 'A' ? 1 : 2;
    const bool against = letter == 'R' || letter == 'A' || letter == 'I';
    source[c] = from.axis[anatomical];
    turned[c] = from.reversed[anatomical] != against;
    out.size[c] = g.size[source[c]];
    out.spacing[c] = g.spacing[source[c]];
    for (std::size_t row = 0; row < 3; ++row)
      out.direction[3 * row + c] = (turned[c] ? -1 : 1) * g.direction[3 * row + source[c]];
    first[source[c]] = turned[c] ? static_cast<double>(g.size[source[c]] - 1) : 0;
  }
  out.origin = g.to_physical(first);
  Volume result{out, std::vector<float>(volume.data.size())};
  std::size_t n = 0;
  std::array<std::int64_t, 3> index{}, at{};
  for (index[2] = 0; index[2] < out.size[2]; ++index[2]) {
    for (index[1] = 0; index[1] < out.size[1]; ++index[1]) {
      for (index[0] = 0; index[0] < out.size[0]; ++index[0]) {
        for (std::size_t c = 0; c < 3; ++c) at[source[c]] = turned[c] ? out.size[c] - 1 - index[c] : index[c];
        result.data[n++] = volume.at(at[0], at[1], at[2]);
      }
    }
  }
  return result;
}

}  // namespace vitrine::imaging
