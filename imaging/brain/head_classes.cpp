#include "imaging/brain/head_classes.h"

#include <algorithm>
#include <cmath>

#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

// A smooth step from 0 to 1 around `middle`, and its slope.
struct Step {
  float value, slope;
};

Step step(float v, float middle, float half_width) {
  const float t = std::clamp((v - middle) / (2 * half_width) + 0.5f, 0.0f, 1.0f);
  return {t * t * (3 - 2 * t), 3 * t * (1 - t) / half_width};
}

constexpr float kMeningesEnd = 3, kSkullEnd = 8, kScalpEnd = 16;  // mm from the brain
constexpr float kShellWidth = 2, kScalpWidth = 3;

}  // namespace

ClassShares class_shares(const HeadPoint& point, ClassSlopes& slopes) {
  const Step surface = step(point.distance, 0, kSurfaceWidth), meninges = step(point.distance, kMeningesEnd, kShellWidth),
             skull = step(point.distance, kSkullEnd, kShellWidth), scalp = step(point.distance, kScalpEnd, kScalpWidth);
  const float inside = 1 - surface.value, around = 1 - point.base;
  const float grey = std::min(point.grey, 1.0f), white = std::min(point.white, 1 - grey), csf = 1 - grey - white;
  const float m = surface.value * meninges.value, m_slope = surface.slope * meninges.value + surface.value * meninges.slope;
  slopes.by_distance = {-surface.slope * csf,
                        -surface.slope * grey,
                        -surface.slope * white,
                        around * (surface.slope - m_slope),
                        around * (m_slope * (1 - skull.value) - m * skull.slope),
                        around * (skull.slope * (1 - scalp.value) - skull.value * scalp.slope),
                        around * scalp.slope,
                        point.base * surface.slope};
  slopes.by_grey = {-inside, inside, 0, 0, 0, 0, 0, 0};
  slopes.by_white = {-inside, 0, inside, 0, 0, 0, 0, 0};
  return {inside * csf,
          inside * grey,
          inside * white,
          around * (surface.value - m),
          around * m * (1 - skull.value),
          around * skull.value * (1 - scalp.value),
          around * scalp.value,
          point.base * surface.value};
}

ClassShares class_shares(const HeadPoint& point) {
  ClassSlopes unused;
  return class_shares(point, unused);
}

float IntensityScale::place(float intensity) const {
  const float t = (intensity - low) / (high - low) * static_cast<float>(kIntensityBins - 1);
  return std::clamp(t, 0.0f, static_cast<float>(kIntensityBins - 1) - 1e-3f);
}

void ClassHistograms::add(float place, const ClassShares& shares) {
  const auto bin = static_cast<std::size_t>(place);
  const double upper = static_cast<double>(place) - static_cast<double>(bin);
  for (std::size_t c = 0; c < kHeadClasses; ++c) {
    const double share = static_cast<double>(shares[c]);
    counts_[bin * kHeadClasses + c] += (1 - upper) * share;
    counts_[(bin + 1) * kHeadClasses + c] += upper * share;
  }
}

double mutual_information(std::span<const double> counts, std::size_t columns, double all) {
  if (!(all > 0)) return 0;
  std::vector<double> of_column(columns);
  double joint = 0, of_rows = 0, of_columns = 0;
  const auto term = [&](double n) { return n > 0 ? n / all * log_portable(n / all) : 0.0; };
  for (std::size_t row = 0; row < counts.size(); row += columns) {
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      sum += counts[row + c];
      of_column[c] += counts[row + c];
      joint += term(counts[row + c]);
    }
    of_rows += term(sum);
  }
  for (const double n : of_column) of_columns += term(n);
  return joint - of_rows - of_columns;
}

double ClassHistograms::information() const {
  double all = 0;
  for (const double n : counts_) all += n;
  return mutual_information(counts_, kHeadClasses, all);
}

std::vector<ClassShares> ClassHistograms::probabilities(double bins) const {
  std::vector<ClassShares> result(kIntensityBins);
  const int reach = static_cast<int>(std::ceil(3 * bins));
  std::vector<double> kernel(static_cast<std::size_t>(2 * reach + 1));
  for (int d = -reach; d <= reach; ++d)
    kernel[static_cast<std::size_t>(d + reach)] = exp_portable(-0.5 * d * d / (bins * bins));
  for (std::size_t c = 0; c < kHeadClasses; ++c) {
    std::array<double, kIntensityBins> smooth{};
    double sum = 0;
    for (int b = 0; b < static_cast<int>(kIntensityBins); ++b) {
      for (int d = -reach; d <= reach; ++d) {
        const int from = std::clamp(b + d, 0, static_cast<int>(kIntensityBins) - 1);
        smooth[static_cast<std::size_t>(b)] +=
            kernel[static_cast<std::size_t>(d + reach)] * counts_[static_cast<std::size_t>(from) * kHeadClasses + c];
      }
      sum += smooth[static_cast<std::size_t>(b)];
    }
    for (std::size_t b = 0; b < kIntensityBins; ++b)
      result[b][c] = static_cast<float>(sum > 0 ? smooth[b] / sum : 1.0 / static_cast<double>(kIntensityBins));
  }
  return result;
}

}  // namespace vitrine::imaging
