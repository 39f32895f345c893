#include "imaging/steps/white_matter.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/steps/bias_evidence.h"
#include "imaging/steps/distance.h"
#include "imaging/steps/morphology.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr double kCellMm = 3, kDepthMm = 8, kAvoidedMm = 4;
constexpr double kKernel = 0.03, kAround = 0.06, kBin = 0.005;  // in log units
constexpr std::size_t kFewestCells = 200;

// The grid of the cells as a geometry of its own: distances need no place in the patient.
Geometry geometry_of(const BiasCells& cells) {
  Geometry g;
  g.size = cells.size;
  for (std::size_t axis = 0; axis < 3; ++axis) g.spacing[axis] = 2 * cells.axes[axis].front();
  return g;
}

struct DeepCells {
  std::vector<double> log_value, weight;
};

// Everything that is no cell counts as outside, and so does what lies beyond the volume: the brain may be cut there, which does no harm.
DeepCells deep_cells(const Volume& volume, const Mask& brain, const BiasCells& usable) {
  const BiasCells whole(volume, brain, {}, kCellMm);
  Mask outside{geometry_of(whole),
               std::vector<float>(static_cast<std::size_t>(whole.size[0] * whole.size[1] * whole.size[2]), 1)};
  for (const std::size_t p : whole.place) outside.data[p] = 0;
  const Volume depth = distance_to(outside, kDepthMm + 1);
  DeepCells deep;
  for (std::size_t c = 0; c < usable.place.size(); ++c) {
    if (static_cast<double>(depth.data[usable.place[c]]) < kDepthMm) continue;
    deep.log_value.push_back(log_portable(usable.value[c]));
    deep.weight.push_back(usable.weight[c]);
  }
  return deep;
}

double peak_of(const DeepCells& deep) {
  const auto [low, high] = std::minmax_element(deep.log_value.begin(), deep.log_value.end());
  const double first = *low - 4 * kKernel;
  const auto bins = static_cast<std::size_t>((*high - *low + 8 * kKernel) / kBin) + 1;
  std::vector<double> histogram(bins);
  for (std::size_t c = 0; c < deep.weight.size(); ++c)
    histogram[static_cast<std::size_t>((deep.log_value[c] - first) / kBin)] += deep.weight[c];
  const auto reach = static_cast<std::int64_t>(4 * kKernel / kBin);
  double best = -1, at = 0;
  for (std::int64_t b = 0; b < static_cast<std::int64_t>(bins); ++b) {
    double density = 0;
    for (std::int64_t d = std::max(-reach, -b); d <= std::min(reach, static_cast<std::int64_t>(bins) - 1 - b); ++d) {
      const double z = static_cast<double>(d) * kBin / kKernel;
      density += exp_portable(-z * z / 2) * histogram[static_cast<std::size_t>(b + d)];
    }
    if (density <= best) continue;
    best = density;
    at = first + (static_cast<double>(b) + 0.5) * kBin;
  }
  return at;
}

}  // namespace

WhiteMatter find_white_matter(const Volume& volume, const Mask& brain, const Mask& lesion, const std::string& what) {
  const Mask left_out = lesion.data.empty() ? Mask{} : dilated(lesion, kAvoidedMm);
  const BiasCells cells(volume, brain, left_out, kCellMm);
  const DeepCells deep = deep_cells(volume, brain, cells);
  if (deep.weight.size() < kFewestCells)
    throw DataError(text(what, ": ", deep.weight.size(), " cells of ", kCellMm, " mm lie at least ", kDepthMm,
                         " mm inside the brain, above 0 and outside the lesion, expected at least ", kFewestCells,
                         "; check the brain mask, or take another method of normalisation"));
  const double peak = peak_of(deep);
  WhiteMatter result;
  double all = 0, weight = 0, first = 0, second = 0;
  for (std::size_t c = 0; c < deep.weight.size(); ++c) {
    all += deep.weight[c];
    if (std::abs(deep.log_value[c] - peak) > kAround) continue;
    const double v = exp_portable(deep.log_value[c]) * cells.median;
    ++result.cells;
    weight += deep.weight[c];
    first += deep.weight[c] * v;
    second += deep.weight[c] * v * v;
  }
  result.value = first / weight;
  result.deviation = std::sqrt(std::max(0.0, second / weight - result.value * result.value));
  result.share = weight / all;
  return result;
}

}  // namespace vitrine::imaging
