#include "imaging/steps/brain.h"

#include <itkBinaryFillholeImageFilter.h>
#include <itkConnectedComponentImageFilter.h>
#include <itkOtsuThresholdImageFilter.h>
#include <itkRelabelComponentImageFilter.h>
#include <itkSignedMaurerDistanceMapImageFilter.h>
#include <itkSmoothingRecursiveGaussianImageFilter.h>

#include <cmath>

#include "base/error.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/itk_bridge.h"
#include "imaging/steps/mask.h"

namespace vitrine::imaging {
namespace {

template <class Filter>
void run_filter(const Filter& filter) {
  stop_when_interrupted(filter);
  run_itk([&] { filter->Update(); }, "brain extraction failed; bring a mask in the column brain_mask");
}

// Distance in mm from the mask's border, negative inside.
Volume signed_distance(const Mask& mask) {
  auto filter = itk::SignedMaurerDistanceMapImageFilter<ByteImage3, FloatImage>::New();
  filter->SetInput(to_itk<ByteImage3>(mask));
  filter->SetUseImageSpacing(true);
  filter->SetSquaredDistance(false);
  filter->SetInsideIsPositive(false);
  run_filter(filter);
  return from_itk<FloatImage>(filter->GetOutput(), mask.geometry);
}

// Distances are often whole multiples of the grid's spacing, and so equal to the limit: they count however they were rounded.
Mask below(const Volume& distance, double limit) {
  constexpr double kRounding = 1e-3;  // mm
  Mask result = distance;
  for (float& v : result.data) v = static_cast<double>(v) <= limit + kRounding ? 1.0f : 0.0f;
  return result;
}

Mask largest_component(const Mask& mask) {
  using Labels = itk::Image<std::uint32_t, 3>;
  auto components = itk::ConnectedComponentImageFilter<ByteImage3, Labels>::New();
  components->SetInput(to_itk<ByteImage3>(mask));
  stop_when_interrupted(components);
  auto sorted = itk::RelabelComponentImageFilter<Labels, Labels>::New();
  sorted->SetInput(components->GetOutput());
  run_filter(sorted);
  Mask result = from_itk<Labels>(sorted->GetOutput(), mask.geometry);
  for (float& v : result.data) v = v == 1.0f ? 1.0f : 0.0f;
  return result;
}

Mask filled(const Mask& mask) {
  auto filter = itk::BinaryFillholeImageFilter<ByteImage3>::New();
  filter->SetInput(to_itk<ByteImage3>(mask));
  filter->SetForegroundValue(1);
  run_filter(filter);
  return from_itk<ByteImage3>(filter->GetOutput(), mask.geometry);
}

struct Head {
  Mask bright, dim;  // above Otsu's threshold, and above a share of it
};

Head thresholded_head(const Volume& volume, const BrainOptions& options) {
  auto smooth = itk::SmoothingRecursiveGaussianImageFilter<FloatImage, FloatImage>::New();
  smooth->SetInput(to_itk<FloatImage>(volume));
  smooth->SetSigma(options.smoothing_mm);
  stop_when_interrupted(smooth);
  auto otsu = itk::OtsuThresholdImageFilter<FloatImage, ByteImage3>::New();
  otsu->SetInput(smooth->GetOutput());
  otsu->SetInsideValue(0);  // ITK's inside is what lies below the threshold
  otsu->SetOutsideValue(1);
  otsu->SetNumberOfHistogramBins(200);
  run_filter(otsu);
  const double low = options.low_share * static_cast<double>(otsu->GetThreshold());
  Mask dim = from_itk<FloatImage>(smooth->GetOutput(), volume.geometry);
  for (float& v : dim.data) v = static_cast<double>(v) > low ? 1.0f : 0.0f;
  return {from_itk<ByteImage3>(otsu->GetOutput(), volume.geometry), std::move(dim)};
}

// Adult brains, in ml: the range that is taken without trying another opening, and the middle of it.
constexpr double kLowMl = 1000, kHighMl = 1900, kUsualMl = 1400;

Mask intersection(const Mask& a, const Mask& b) {
  Mask result = a;
  for (std::size_t i = 0; i < result.data.size(); ++i) result.data[i] = a.data[i] * b.data[i];
  return result;
}

// The brain of a thresholded head: what is left of it after erosion by `radius`, grown again, closed and filled.
Mask opened_and_closed(const Head& head, const Volume& inside_head, double radius, const BrainOptions& options) {
  const Mask core = largest_component(below(inside_head, -radius));
  const Mask opened = intersection(below(signed_distance(core), radius + options.growth_mm), head.dim);
  const Mask grown = below(signed_distance(opened), options.closing_mm);
  return filled(below(signed_distance(grown), -options.closing_mm));
}

}  // namespace

double dice(const Mask& a, const Mask& b) {
  double both = 0, total = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    both += static_cast<double>(a.data[i] * b.data[i]);
    total += static_cast<double>(a.data[i] + b.data[i]);
  }
  return total > 0 ? 2 * both / total : 1;
}

Mask extract_brain(const Volume& t1, const BrainOptions& options, const std::string& what) {
  use_one_itk_thread();
  Volume coarse = averaged(winsorized(t1, 0.0, 0.99), coarse_grid(t1.geometry, 2));
  // A bias field moves grey matter across the threshold: it is removed first, over everything that is bright.
  coarse = correct_bias(coarse, thresholded_head(coarse, options).dim, what, {.grid_mm = 8, .levels = 2, .iterations = 15})
               .corrected;
  const Head head = thresholded_head(coarse, options);
  const Volume inside_head = signed_distance(head.bright);
  Mask best;
  double best_ml = 0;
  for (const double radius : options.opening_mm) {
    Mask brain = opened_and_closed(head, inside_head, radius, options);
    const double ml = volume_ml(brain);
    if (best.data.empty() || std::abs(ml - kUsualMl) < std::abs(best_ml - kUsualMl)) {
      best = std::move(brain);
      best_ml = ml;
    }
    if (best_ml >= kLowMl && best_ml <= kHighMl) break;
  }
  if (best_ml < 400 || best_ml > 2500) {
    throw DataError(
        text(what, ": brain extraction found ", best_ml, " ml, expected 400 to 2500; bring a mask in the column brain_mask"));
  }
  Mask result = resample_linear(best, t1.geometry, {});
  for (float& v : result.data) v = v >= 0.5f ? 1.0f : 0.0f;
  return result;
}

}  // namespace vitrine::imaging
