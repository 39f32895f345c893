#include "imaging/steps/normalize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/printable.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/white_matter.h"

namespace vitrine::imaging {
namespace {

constexpr double kFewestVoxels = 10000;
constexpr double kLowQuantile = 0.005, kHighQuantile = 0.995;
constexpr double kBrightest = 4;  // times white matter

// Mean and deviation over the brain. DataError for too few voxels or a constant volume.
void measure(const Volume& volume, const Mask& brain, const std::string& what, Normalized& result) {
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
  if (count < kFewestVoxels)
    throw DataError(
        text(what, ": the brain mask has ", count, " voxels, at least ", kFewestVoxels, " were expected; check the mask"));
  result.mean = sum / count;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (brain.data[i] <= 0) continue;
    const double d = static_cast<double>(volume.data[i]) - result.mean;
    squares += d * d;
  }
  result.deviation = std::sqrt(squares / count);
  if (!(result.deviation > 1e-6 * (high - low)) || !std::isfinite(result.deviation)) {
    throw DataError(text(what, ": the volume is constant inside the brain; check the series"));
  }
}

void measure_quantiles(const Volume& volume, const Mask& brain, const std::string& what, Normalized& result) {
  std::vector<float> values;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (brain.data[i] > 0) values.push_back(volume.data[i]);
  }
  result.low = quantile(values, kLowQuantile);
  result.high = quantile(values, kHighQuantile);
  if (!(result.high > result.low)) {
    throw DataError(text(what, ": 99 % of the brain hold the value ", result.low, ", expected an image; check the series"));
  }
}

double mapped(float v, const Normalized& n) {
  if (n.method == NormalizationMethod::zscore) return ((static_cast<double>(v) - n.mean) / n.deviation + 3) / 9;
  return (static_cast<double>(v) - n.offset) / n.scale;
}

}  // namespace

const char* name_of(NormalizationMethod method) {
  switch (method) {
    case NormalizationMethod::minmax: return "minmax";
    case NormalizationMethod::white_matter: return "white-matter";
    default: return "zscore";
  }
}

NormalizationMethod normalization_named(const std::string& name) {
  for (const auto m : {NormalizationMethod::zscore, NormalizationMethod::minmax, NormalizationMethod::white_matter}) {
    if (name == name_of(m)) return m;
  }
  throw UsageError(text("the normalisation is '", printable(name), "', zscore, minmax or white-matter was expected"));
}

float Normalized::shown(float v) const { return static_cast<float>(std::clamp(mapped(v, *this), 0.0, 1.0)); }

Volume Normalized::shown(Volume v) const {
  for (float& x : v.data) x = shown(x);
  return v;
}

Normalized normalize(const Volume& volume, const Mask& brain, const Mask& lesion, NormalizationMethod method,
                     const std::string& what) {
  Normalized result;
  result.method = method;
  measure(volume, brain, what, result);
  if (method == NormalizationMethod::zscore) {
    result.offset = result.mean - 3 * result.deviation;
    result.scale = 9 * result.deviation;
  } else if (method == NormalizationMethod::minmax) {
    measure_quantiles(volume, brain, what, result);
    result.offset = result.low;
    result.scale = result.high - result.low;
  } else {
    const WhiteMatter white = find_white_matter(volume, brain, lesion, what);
    result.white_matter = white.value;
    result.white_matter_share = white.share;
    result.scale = kBrightest * white.value;
  }
  result.volume = volume;
  double clipped = 0, count = 0;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    const bool is_inside = brain.data[i] > 0;
    const double u = is_inside ? mapped(volume.data[i], result) : 0;
    count += is_inside ? 1 : 0;
    clipped += u < 0 || u > 1 ? 1 : 0;
    result.volume.data[i] = static_cast<float>(std::clamp(u, 0.0, 1.0));
  }
  result.clipped_share = clipped / count;
  return result;
}

Normalized normalize(const Volume& volume, const Mask& brain, const std::string& what) {
  return normalize(volume, brain, {}, NormalizationMethod::zscore, what);
}

Json record(const Normalized& n) {
  Json json{{"method", name_of(n.method)}, {"mean", n.mean}, {"deviation", n.deviation}};
  if (n.method == NormalizationMethod::minmax) {
    json["low"] = n.low;
    json["high"] = n.high;
  }
  if (n.method == NormalizationMethod::white_matter) {
    json["white_matter"] = n.white_matter;
    json["white_matter_share"] = n.white_matter_share;
  }
  json["offset"] = n.offset;
  json["scale"] = n.scale;
  json["clipped_share"] = n.clipped_share;
  return json;
}

}  // namespace vitrine::imaging
