#include "imaging/steps/normalize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vitrine::imaging {

Normalized normalize(const Volume& volume, const Mask& brain, const std::string& what) {
  double count = 0, sum = 0, squares = 0;
  double low = INFINITY, high = -INFINITY;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (brain.data[i] <= 0) continue;
    const auto v = static_cast<double>(volume.data[i]);
    ++count;
    sum += v;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (count < 10000)
    throw DataError(text(what, ": the brain mask has ", count, " voxels, at least 10000 were expected; check the mask"));
  Normalized result{volume, sum / count, 1, 0};
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (brain.data[i] <= 0) continue;
    const double d = static_cast<double>(volume.data[i]) - result.mean;
    squares += d * d;
  }
  result.deviation = std::sqrt(squares / count);
  if (!(result.deviation > 1e-6 * (high - low)) || !std::isfinite(result.deviation)) {
    throw DataError(text(what, ": the volume is constant inside the brain; check the series"));
  }
  double clipped = 0;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    const double u = ((static_cast<double>(volume.data[i]) - result.mean) / result.deviation + 3) / 9;
    clipped += brain.data[i] > 0 && (u < 0 || u > 1) ? 1 : 0;
    result.volume.data[i] = brain.data[i] > 0 ? static_cast<float>(std::clamp(u, 0.0, 1.0)) : 0.0f;
  }
  result.clipped_share = clipped / count;
  return result;
}

}  // namespace vitrine::imaging
