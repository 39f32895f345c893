#include "imaging/steps/brain.h"

#include <itkBinaryFillholeImageFilter.h>
#include <itkConnectedComponentImageFilter.h>
#include <itkOtsuThresholdImageFilter.h>
#include <itkRelabelComponentImageFilter.h>
#include <itkSignedMaurerDistanceMapImageFilter.h>
#include <itkSmoothingRecursiveGaussianImageFilter.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/number.h"
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

// The highest slice with 10 cm2 of the mask, in mm along the slices from the first.
double top_of(const Mask& mask) {
  const Geometry& g = mask.geometry;
  const std::int64_t slice = g.size[0] * g.size[1];
  for (std::int64_t k = g.size[2] - 1; k > 0; --k) {
    double area = 0;
    for (std::int64_t at = k * slice; at < (k + 1) * slice; ++at)
      area += static_cast<double>(mask.data[static_cast<std::size_t>(at)]) * g.spacing[0] * g.spacing[1];
    if (area >= 1000) return static_cast<double>(k) * g.spacing[2];
  }
  return 0;
}

constexpr double kMostBelowTop = 45;  // mm between the top of the head and that of its brain: scalp and skull measure some 15

// A neck is no brain.
void check_place(const Head& head, const Mask& brain, const std::string& what) {
  const double below_top = top_of(head.dim) - top_of(brain);
  if (below_top <= kMostBelowTop) return;
  throw DataError(text(what, ": what brain extraction found begins ", fixed(below_top, 0),
                       " mm below the top of the head, expected at most ", fixed(kMostBelowTop, 0),
                       ": it may be the neck; bring a mask in the column brain_mask"));
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

Brain extract_brain(const Volume& t1, const BrainOptions& options, const std::string& what) {
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
  Brain brain;
  check_place(head, best, what);
  brain.mask = resample_linear(best, t1.geometry, {});
  for (float& v : brain.mask.data) v = v >= 0.5f ? 1.0f : 0.0f;
  brain.ml = volume_ml(brain.mask);
  note(brain.notes,
       text("the brain was extracted, ", fixed(brain.ml, 0), " ml: look at its outline, this step often cuts or adds some"));
  return brain;
}

Brain stripped_brain(const Volume& t1, const std::string& what) {
  use_one_itk_thread();
  std::map<float, std::size_t> corners;
  const auto& n = t1.geometry.size;
  for (int corner = 0; corner < 8; ++corner)
    ++corners[t1.at((corner & 1) != 0 ? n[0] - 1 : 0, (corner & 2) != 0 ? n[1] - 1 : 0, (corner & 4) != 0 ? n[2] - 1 : 0)];
  const float background =
      std::max_element(corners.begin(), corners.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
  Brain brain;
  brain.mask = t1;
  for (float& v : brain.mask.data) v = v != background ? 1.0f : 0.0f;
  brain.mask = filled(largest_component(brain.mask));
  brain.ml = volume_ml(brain.mask);
  if (brain.ml < kLowestBrainMl || brain.ml > 2500)
    throw DataError(text(what, ": the table says that it is without skull, but what differs from its background has ",
                         fixed(brain.ml, 0), " ml, expected ", kLowestBrainMl, " to 2500; correct the column skull_stripped"));
  return brain;
}

Json record(const Brain& brain) { return {{"ml", brain.ml}, {"method", "Otsu, opening, closing"}}; }

Mask with_lesion(Mask brain, const Mask& lesion, double margin_mm) {
  const Mask margin = dilated(lesion, margin_mm);
  for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] = std::max(brain.data[i], margin.data[i]);
  return brain;
}

}  // namespace vitrine::imaging
