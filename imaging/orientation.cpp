#include "imaging/orientation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/interrupt.h"

namespace vitrine::imaging {
namespace {

constexpr double kOriginPerMm = 1e3, kFinePerUnit = 1e5;

double rounded(double value, double per_unit) {
  return std::round(value * per_unit) / per_unit + 0.0;  // no negative zero
}

// How well the file's axes fit the anatomical ones when axis[c] is taken for c. The sum of the cosines decides; where two choices have the
// same (an axis at 45 degrees), the way the slices face and then the rows do, which does not depend on how the file numbers its axes.
using Fit = std::array<std::int64_t, 6>;

Fit fit_of(const Matrix3& direction, const std::array<std::size_t, 3>& axis) {
  const auto whole = [](double v) { return std::llround(v * kFinePerUnit); };
  const auto along = [&](std::size_t c, std::size_t row) {
    return whole(direction[3 * c + axis[c]] < 0 ? -direction[3 * row + axis[c]] : direction[3 * row + axis[c]]);
  };
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c) sum += std::abs(direction[3 * c + axis[c]]);
  return {whole(sum), along(2, 2), along(2, 1), along(2, 0), along(0, 0), along(0, 1)};
}

}  // namespace

double StorageOrder::most_degrees_off() const { return *std::max_element(degrees_off.begin(), degrees_off.end()); }

std::array<std::int64_t, 3> StorageOrder::stored_index(const std::array<std::int64_t, 3>& index) const {
  std::array<std::int64_t, 3> stored{};
  for (std::size_t c = 0; c < 3; ++c) stored[axis[c]] = reversed[c] ? stored_size[axis[c]] - 1 - index[c] : index[c];
  return stored;
}

StorageOrder storage_order(const Geometry& geometry) {
  StorageOrder order;
  order.stored_size = geometry.size;
  std::array<std::size_t, 3> axis{0, 1, 2};
  Fit best{};
  do {
    const Fit fit = fit_of(geometry.direction, axis);
    if (fit <= best) continue;
    best = fit;
    order.axis = axis;
  } while (std::next_permutation(axis.begin(), axis.end()));
  constexpr std::array<std::array<char, 2>, 3> kLetters{{{'L', 'R'}, {'P', 'A'}, {'S', 'I'}}};  // along, against
  for (std::size_t c = 0; c < 3; ++c) {
    const double cosine = geometry.direction[3 * c + order.axis[c]];
    order.reversed[c] = cosine < 0;
    order.code[order.axis[c]] = kLetters[c][order.reversed[c] ? 1 : 0];
    order.degrees_off[c] = std::acos(std::min(1.0, std::abs(cosine))) * 180 / std::numbers::pi;
  }
  return order;
}

Geometry anatomical_geometry(const Geometry& g, const StorageOrder& order) {
  Geometry out;
  Vec3 first{};  // the file's index of the voxel that becomes (0, 0, 0)
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t a = order.axis[c];
    out.size[c] = g.size[a];
    out.spacing[c] = rounded(g.spacing[a], kFinePerUnit);
    first[a] = order.reversed[c] ? static_cast<double>(g.size[a] - 1) : 0;
    for (std::size_t r = 0; r < 3; ++r)
      out.direction[3 * r + c] = rounded(order.reversed[c] ? -g.direction[3 * r + a] : g.direction[3 * r + a], kFinePerUnit);
  }
  out.direction = nearest_rotation(out.direction);
  const Vec3 corner = g.to_physical(first);
  for (std::size_t c = 0; c < 3; ++c) out.origin[c] = rounded(corner[c], kOriginPerMm);
  return out;
}

namespace {

// Where the voxels of the anatomical order lie in the file's: that of (0, 0, 0), and the way to the next along each axis.
struct Walk {
  std::int64_t start = 0;
  std::array<std::int64_t, 3> stride{};
};

Walk walk_through(const StorageOrder& order) {
  const auto& stored = order.stored_size;
  const std::array<std::int64_t, 3> stored_stride{1, stored[0], stored[0] * stored[1]};
  Walk walk;
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t a = order.axis[c];
    walk.stride[c] = order.reversed[c] ? -stored_stride[a] : stored_stride[a];
    if (order.reversed[c]) walk.start += (stored[a] - 1) * stored_stride[a];
  }
  return walk;
}

}  // namespace

Volume in_anatomical_order(Volume volume, const StorageOrder& order) {
  Volume out{anatomical_geometry(volume.geometry, order), {}};
  if (order.is_anatomical()) {
    out.data = std::move(volume.data);
    return out;
  }
  const Walk walk = walk_through(order);
  const auto& size = out.geometry.size;
  out.data.reserve(volume.data.size());
  for (std::int64_t k = 0; k < size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const std::int64_t row = walk.start + k * walk.stride[2] + j * walk.stride[1];
      for (std::int64_t i = 0; i < size[0]; ++i)
        out.data.push_back(volume.data[static_cast<std::size_t>(row + i * walk.stride[0])]);
    }
  }
  return out;
}

Volume in_stored_order(Volume anatomical, const StorageOrder& order, const Geometry& stored) {
  Volume out{stored, {}};
  if (order.is_anatomical()) {
    out.data = std::move(anatomical.data);
    return out;
  }
  const Walk walk = walk_through(order);
  const auto& size = anatomical.geometry.size;
  out.data.resize(anatomical.data.size());
  std::size_t from = 0;
  for (std::int64_t k = 0; k < size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const std::int64_t row = walk.start + k * walk.stride[2] + j * walk.stride[1];
      for (std::int64_t i = 0; i < size[0]; ++i)
        out.data[static_cast<std::size_t>(row + i * walk.stride[0])] = anatomical.data[from++];
    }
  }
  return out;
}

}  // namespace vitrine::imaging
