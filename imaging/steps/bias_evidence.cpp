#include "imaging/steps/bias_evidence.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/steps/grid.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr double kBlockMm = 16;
constexpr double kQuietShare = 0.15;  // of the cells: their variance is the noise's
constexpr double kLeastPairWeight = 0.05;
constexpr std::array<double, 2> kPairMm{9, 18};

struct CellSums {
  double count = 0, first = 0, second = 0;
};

}  // namespace

BiasCells::BiasCells(const Volume& volume, const Mask& brain, const Mask& left_out, double cell_mm) {
  const Geometry& g = volume.geometry;
  std::array<std::int64_t, 3> width{}, first = g.size, last{-1, -1, -1};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    width[axis] = std::max<std::int64_t>(1, std::llround(cell_mm / g.spacing[axis]));
    size[axis] = (g.size[axis] + width[axis] - 1) / width[axis];
    for (std::int64_t i = 0; i < size[axis]; ++i)
      axes[axis].push_back((static_cast<double>(i) + 0.5) * static_cast<double>(width[axis]) * g.spacing[axis]);
  }
  std::vector<CellSums> sums(static_cast<std::size_t>(size[0] * size[1] * size[2]));
  std::size_t at = 0;
  double inside = 0, used = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
        if (brain.data[at] <= 0) continue;
        first = {std::min(first[0], i), std::min(first[1], j), std::min(first[2], k)};
        last = {std::max(last[0], i), std::max(last[1], j), std::max(last[2], k)};
        ++inside;
        const auto v = static_cast<double>(volume.data[at]);
        if (!(v > 0) || (!left_out.data.empty() && left_out.data[at] > 0)) continue;
        ++used;
        CellSums& s = sums[static_cast<std::size_t>((k / width[2] * size[1] + j / width[1]) * size[0] + i / width[0])];
        ++s.count;
        s.first += v;
        s.second += v * v;
      }
    }
  }
  used_share = used / inside;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    low[axis] = static_cast<double>(first[axis]) * g.spacing[axis];
    high[axis] = static_cast<double>(last[axis] + 1) * g.spacing[axis];
  }
  const std::int64_t voxels = width[0] * width[1] * width[2];
  std::vector<double> variance, count;
  std::vector<float> values;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const CellSums& s = sums[c];
    if (2 * s.count < static_cast<double>(voxels)) continue;
    const auto [x, y, z] = std::array<std::size_t, 3>{c % static_cast<std::size_t>(size[0]),
                                                      c / static_cast<std::size_t>(size[0]) % static_cast<std::size_t>(size[1]),
                                                      c / static_cast<std::size_t>(size[0] * size[1])};
    place.push_back(c);
    centre.push_back({axes[0][x], axes[1][y], axes[2][z]});
    const double mean = s.first / s.count;
    value.push_back(mean);
    values.push_back(static_cast<float>(mean));
    weight.push_back(s.count / static_cast<double>(voxels));
    count.push_back(s.count);
    variance.push_back(s.count > 1 ? std::max(0.0, s.second / s.count - mean * mean) * s.count / (s.count - 1) : 0);
  }
  median = quantile(values, 0.5);
  for (double& v : value) v /= median;
  weigh_purity(variance, count, voxels);
}

void BiasCells::weigh_purity(const std::vector<double>& variance, const std::vector<double>& count,
                             std::int64_t voxels_per_cell) {
  if (voxels_per_cell < 4 || variance.empty()) return;  // a variance of so few voxels says nothing
  std::vector<float> values;
  for (const double v : variance) values.push_back(static_cast<float>(v));
  // That quantile of a chi-square distribution of n degrees of freedom lies 1.04 deviations, each sqrt(2 / n), below its mean.
  const double below = std::max(0.2, 1 - 1.04 * std::sqrt(2.0 / static_cast<double>(voxels_per_cell - 1)));
  const double noise = quantile(values, kQuietShare) / below;
  for (std::size_t c = 0; c < variance.size(); ++c) {
    if (variance[c] <= 1.3 * noise || count[c] < 2) continue;
    const double purity = 1.3 * noise / variance[c];
    weight[c] *= purity * purity;
  }
}

std::vector<double> BiasCells::at_cells(const std::vector<double>& on_grid) const {
  std::vector<double> out;
  out.reserve(place.size());
  for (const std::size_t p : place) out.push_back(on_grid[p]);
  return out;
}

BiasBlocks::BiasBlocks(const BiasCells& cells) : low_(cells.low) {
  std::size_t all = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    size_[axis] = static_cast<std::int64_t>(std::ceil((cells.high[axis] - cells.low[axis]) / kBlockMm)) + 1;
    all *= static_cast<std::size_t>(size_[axis]);
  }
  sums_.resize(all);
}

void BiasBlocks::add(const Vec3& at, double weight, double value) {
  std::array<std::int64_t, 3> index{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    index[axis] = std::clamp<std::int64_t>(static_cast<std::int64_t>((at[axis] - low_[axis]) / kBlockMm), 0, size_[axis] - 1);
  Sum& s = sums_[static_cast<std::size_t>((index[2] * size_[1] + index[1]) * size_[0] + index[0])];
  s.weight += weight;
  s.value += weight * value;
  for (std::size_t axis = 0; axis < 3; ++axis) s.place[axis] += weight * at[axis];
}

NormalEquations BiasBlocks::value_equations(const SplineField& spline) const {
  NormalEquations equations(spline.size());
  double total = 0;
  for (const Sum& s : sums_) {
    if (!(s.weight > 0)) continue;
    equations.add(spline.value_row({s.place[0] / s.weight, s.place[1] / s.weight, s.place[2] / s.weight}), s.weight,
                  s.value / s.weight);
    total += s.weight;
  }
  if (total > 0) equations.scale(1 / total);
  return equations;
}

double BiasBlocks::add_differences(const SplineField& spline, const Vec3& way, NormalEquations& into) const {
  double total = 0;
  for (const Sum& s : sums_) {
    if (!(s.weight > 0)) continue;
    Vec3 from{}, to{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      from[axis] = s.place[axis] / s.weight - way[axis] / 2;
      to[axis] = s.place[axis] / s.weight + way[axis] / 2;
    }
    into.add(spline.difference_row(from, to), s.weight, s.value / s.weight);
    total += s.weight;
  }
  return total;
}

BiasPairs::BiasPairs(const BiasCells& cells) : cells_(cells) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<std::size_t> cell_at(static_cast<std::size_t>(cells.size[0] * cells.size[1] * cells.size[2]), kNone);
  std::vector<double> logs, reliance;
  for (std::size_t c = 0; c < cells.place.size(); ++c) {
    cell_at[cells.place[c]] = c;
    logs.push_back(log_portable(cells.value[c]));
    const double bright = std::min(cells.value[c], 1.0);  // the logarithm of dark tissue is noisy
    reliance.push_back(bright * cells.weight[c]);
  }
  const std::array<std::int64_t, 3> stride{1, cells.size[0], cells.size[0] * cells.size[1]};
  for (const double mm : kPairMm) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (cells.size[axis] < 2) continue;
      const double pitch = cells.axes[axis][1] - cells.axes[axis][0];
      const auto apart = std::max<std::int64_t>(1, std::llround(mm / pitch));
      Family family{{0, 0, 0}, {}};
      family.way[axis] = static_cast<double>(apart) * pitch;
      for (std::size_t c = 0; c < cells.place.size(); ++c) {
        const auto p = static_cast<std::int64_t>(cells.place[c]);
        if (p / stride[axis] % cells.size[axis] + apart >= cells.size[axis]) continue;
        const std::size_t other = cell_at[static_cast<std::size_t>(p + apart * stride[axis])];
        if (other == kNone) continue;
        const double weight = reliance[c] * reliance[other];
        if (weight >= kLeastPairWeight) family.pairs.push_back({c, other, weight, logs[other] - logs[c]});
      }
      families_.push_back(std::move(family));
    }
  }
}

NormalEquations BiasPairs::equations(const SplineField& spline, const std::vector<double>& log_field, double scale) const {
  NormalEquations equations(spline.size());
  double total = 0;
  for (const Family& f : families_) {
    check_interrupt("preparation");
    BiasBlocks blocks(cells_);
    for (const Pair& p : f.pairs) {
      const double z = (p.difference - (log_field[p.to] - log_field[p.from])) / scale;
      if (z * z > 40) continue;
      const Vec3 &a = cells_.centre[p.from], &b = cells_.centre[p.to];
      blocks.add({(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2}, p.weight * exp_portable(-z * z / 2), p.difference);
    }
    total += blocks.add_differences(spline, f.way, equations);
  }
  if (total > 0) equations.scale(1 / total);
  return equations;
}

}  // namespace vitrine::imaging
