#include "imaging/steps/registration_level.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/rigid.h"
#include "imaging/steps/smoothing.h"

namespace vitrine::imaging {
namespace {

constexpr double kHeadBlockMm = 8;
constexpr double kCrownMm = 130;  // from the crown down: a head without its neck
constexpr double kThickMm = 2.5;

// Blocks of at most `spacing_mm`.
std::array<std::int64_t, 3> blocks(const Geometry& g, double spacing_mm, bool join_slices) {
  std::array<std::int64_t, 3> factor;
  for (std::size_t c = 0; c < 3; ++c) {
    const bool is_kept = !join_slices && g.spacing[c] > kThickMm;
    factor[c] = is_kept ? 1 : static_cast<std::int64_t>(spacing_mm / g.spacing[c] + 1e-3);
    factor[c] = std::clamp<std::int64_t>(factor[c], 1, std::max<std::int64_t>(1, g.size[c] / 4));
  }
  return factor;
}

Vec3 point_of(const Geometry& g, std::int64_t i, std::int64_t j, std::int64_t k) {
  return g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
}

// The threshold that parts the values into two classes of least spread (Otsu 1979, doi 10.1109/TSMC.1979.4310076), on 256 bins.
double otsu(const std::vector<float>& values, double low, double high) {
  constexpr std::size_t kSteps = 256;
  std::vector<double> count(kSteps);
  for (const float v : values) {
    const double at = (static_cast<double>(v) - low) / (high - low) * static_cast<double>(kSteps);
    ++count[static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(kSteps - 1)))];
  }
  double all = 0, moment = 0;
  for (std::size_t b = 0; b < kSteps; ++b) all += count[b], moment += count[b] * static_cast<double>(b);
  double below = 0, moment_below = 0, best = -1;
  std::size_t at = 0;
  for (std::size_t b = 0; b + 1 < kSteps; ++b) {
    below += count[b];
    moment_below += count[b] * static_cast<double>(b);
    if (below == 0 || below == all) continue;
    const double apart = moment_below / below - (moment - moment_below) / (all - below);
    const double between = below * (all - below) * apart * apart;
    if (between > best) best = between, at = b;
  }
  return low + (high - low) * static_cast<double>(at + 1) / static_cast<double>(kSteps);
}

// Between background and head. Otsu's threshold can fall between two tissues (MPRAGE), so it only tells what is surely head: the background
// is the darkest fifth, and the head begins a quarter of the way from there to the middle of what is bright.
double head_threshold(const std::vector<float>& values) {
  const double low = quantile(values, 0.002), high = quantile(values, 0.998);
  if (!(high > low)) return low;
  const double cut = otsu(values, low, high);
  std::vector<float> bright;
  for (const float v : values) {
    if (static_cast<double>(v) > cut) bright.push_back(v);
  }
  const double background = quantile(values, 0.1);
  return background + 0.25 * (quantile(bright, 0.5) - background);
}

void find_centres(RegistrationInput& input) {
  const Geometry& g = input.head.geometry;
  double top = -1e300;
  for (int pass = 0; pass < 3; ++pass) {  // the highest point, the centre of all, the centre below the crown
    Vec3 sum{};
    double n = 0;
    std::size_t at = 0;
    for (std::int64_t k = 0; k < g.size[2]; ++k) {
      for (std::int64_t j = 0; j < g.size[1]; ++j) {
        for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
          if (input.head.data[at] == 0) continue;
          const Vec3 p = point_of(g, i, j, k);
          if (pass == 0) top = std::max(top, p[2]);
          if (pass == 2 && p[2] < top - kCrownMm) continue;
          for (std::size_t c = 0; c < 3; ++c) sum[c] += p[c];
          ++n;
        }
      }
    }
    if (pass == 0 || n == 0) continue;
    (pass == 1 ? input.mass : input.crown) = {sum[0] / n, sum[1] / n, sum[2] / n};
  }
}

// Width of a voxel along a direction, as the root of the mean square over its axes.
double width_along(const Geometry& g, const Vec3& direction) {
  const Vec3 along = transpose_times(g.direction, direction);
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c) sum += along[c] * g.spacing[c] * along[c] * g.spacing[c];
  return std::sqrt(sum);
}

Vec3 axis_of(const Geometry& g, std::size_t c) { return {g.direction[c], g.direction[3 + c], g.direction[6 + c]}; }

// Blurs `volume` along the axes of `other` whose voxels are clearly longer than its own; `rotation` turns other's directions into its own.
Volume seen_by(Volume volume, const Geometry& other, const Matrix3& rotation) {
  constexpr double kClearly = 1.25;
  const Geometry own = volume.geometry;
  const double narrow = std::min({other.spacing[0], other.spacing[1], other.spacing[2]});
  Vec3 sigma;
  for (std::size_t c = 0; c < 3; ++c)
    sigma[c] = std::sqrt(std::max(0.0, narrow * narrow - own.spacing[c] * own.spacing[c]) / 12);
  volume = gaussian_smoothed(std::move(volume), sigma);
  for (std::size_t c = 0; c < 3; ++c) {
    const Vec3 direction = times(rotation, axis_of(other, c));
    const double width = std::max(narrow, width_along(own, direction)), wanted = other.spacing[c];
    if (wanted > kClearly * width) volume = box_smoothed(volume, direction, std::sqrt(wanted * wanted - width * width));
  }
  return volume;
}

void find_cut(const Volume& volume, RegistrationInput& input) {
  constexpr double kCutShare = 0.35;
  const float least = *std::min_element(volume.data.begin(), volume.data.end());
  const auto cut = std::count(volume.data.begin(), volume.data.end(), least);
  input.is_cut_out = static_cast<double>(cut) > kCutShare * static_cast<double>(volume.data.size());
  if (!input.is_cut_out) return;
  Volume holds = volume;
  for (float& v : holds.data) v = v > least ? 1.0F : 0.0F;
  input.inside = block_means(holds, blocks(volume.geometry, 4, false));
  for (float& v : input.inside.data) v = v > 0.999F ? 1.0F : 0.0F;
}

}  // namespace

Mask grown(const Mask& mask, double margin_mm) {
  Mask out = mask;
  const auto& size = mask.geometry.size;
  const std::array<std::int64_t, 3> stride{1, size[0], size[0] * size[1]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto reach = static_cast<std::int64_t>(std::lround(margin_mm / mask.geometry.spacing[axis]));
    const Mask before = out;
    for (std::int64_t at = 0; at < mask.geometry.voxels(); ++at) {
      const std::int64_t place = at / stride[axis] % size[axis];
      const std::int64_t first = std::max<std::int64_t>(-reach, -place), last = std::min(reach, size[axis] - 1 - place);
      float& v = out.data[static_cast<std::size_t>(at)];
      for (std::int64_t s = first; s <= last && v == 0; ++s) v = before.data[static_cast<std::size_t>(at + s * stride[axis])];
    }
  }
  return out;
}

bool is_within(const Mask& mask, const Vec3& point) {
  const Geometry& g = mask.geometry;
  const Vec3 f = g.to_index(point);
  if (!g.holds(f)) return false;
  std::array<std::int64_t, 3> at;
  for (std::size_t c = 0; c < 3; ++c) at[c] = std::clamp<std::int64_t>(std::llround(f[c]), 0, g.size[c] - 1);
  return mask.at(at[0], at[1], at[2]) != 0;
}

RegistrationInput registration_input(const Volume& volume, const std::string& what) {
  const Geometry& g = volume.geometry;
  for (std::size_t c = 0; c < 3; ++c) {
    if (g.size[c] < 3)
      throw DataError(text(what, ": ", g.size[0], " x ", g.size[1], " x ", g.size[2],
                           " voxels; at least 3 along every axis are needed to coregister it"));
  }
  RegistrationInput input;
  input.volume = winsorized(volume, 0.001, 0.999);
  const Volume coarse = block_means(input.volume, blocks(g, kHeadBlockMm, false));
  input.threshold = static_cast<float>(head_threshold(coarse.data));
  input.head = {coarse.geometry, std::vector<float>(coarse.data.size())};
  for (std::size_t i = 0; i < coarse.data.size(); ++i) input.head.data[i] = coarse.data[i] > input.threshold ? 1.0F : 0.0F;
  const Volume medium = block_means(input.volume, blocks(g, 2, false));
  std::vector<float> values;
  const Mask region = grown(input.head, kRegionMarginMm);
  std::size_t at = 0;
  for (std::int64_t k = 0; k < medium.geometry.size[2]; ++k) {
    check_interrupt("coregistration");
    for (std::int64_t j = 0; j < medium.geometry.size[1]; ++j) {
      for (std::int64_t i = 0; i < medium.geometry.size[0]; ++i, ++at) {
        if (is_within(region, point_of(medium.geometry, i, j, k))) values.push_back(medium.data[at]);
      }
    }
  }
  input.range = {static_cast<float>(quantile(values, 0.005)), static_cast<float>(quantile(values, 0.995))};
  if (!(input.range.high > input.range.low))
    throw DataError(text(what, ": nearly all voxels hold one value; there is nothing to coregister"));
  find_centres(input);
  find_cut(volume, input);
  return input;
}

RegistrationLevel registration_level(const RegistrationInput& sampled, const RegistrationInput& target, const Matrix3& rotation,
                                     const Vec3& centre, const std::function<bool(const Vec3&)>& keep,
                                     const LevelOptions& options) {
  Volume own = block_means(sampled.volume, blocks(sampled.volume.geometry, options.spacing_mm, options.join_slices));
  Volume other = block_means(target.volume, blocks(target.volume.geometry, options.spacing_mm / 2, false));
  const Geometry own_grid = own.geometry, other_grid = other.geometry;
  const Vec3 blur{options.blur_mm, options.blur_mm, options.blur_mm};
  own = gaussian_smoothed(seen_by(std::move(own), other_grid, transposed(rotation)), blur);
  RegistrationLevel level;
  level.target = gaussian_smoothed(seen_by(std::move(other), own_grid, rotation), blur);
  level.range = target.range;
  Samples& samples = level.samples;
  samples.centre = centre;
  const double scale = (kBins - 1) / static_cast<double>(sampled.range.high - sampled.range.low);
  std::size_t at = 0;
  for (std::int64_t k = 0; k < own_grid.size[2]; ++k) {
    check_interrupt("coregistration");
    for (std::int64_t j = 0; j < own_grid.size[1]; ++j) {
      for (std::int64_t i = 0; i < own_grid.size[0]; ++i, ++at) {
        const Vec3 p = point_of(own_grid, i, j, k);
        if (!keep(p)) continue;
        samples.offset.push_back(
            {static_cast<float>(p[0] - centre[0]), static_cast<float>(p[1] - centre[1]), static_cast<float>(p[2] - centre[2])});
        const double bin = static_cast<double>(own.data[at] - sampled.range.low) * scale + 0.5;
        samples.bin.push_back(static_cast<std::uint8_t>(std::clamp(bin, 0.0, static_cast<double>(kBins - 1))));
      }
    }
  }
  return level;
}

}  // namespace vitrine::imaging
