// correct_bias by N4 (imaging/steps/bias_field.h).
#include "imaging/steps/bias_field.h"

#include <itkN4BiasFieldCorrectionImageFilter.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/itk_bridge.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

std::vector<float> inside(const Volume& volume, const Mask& mask) {
  std::vector<float> values;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (mask.data[i] > 0) values.push_back(volume.data[i]);
  }
  return values;
}

// log field on the coarse grid.
Volume log_field(const Volume& coarse, const Mask& coarse_mask, const std::string& what, const N4Options& options) {
  using N4 = itk::N4BiasFieldCorrectionImageFilter<FloatImage, ByteImage3, FloatImage>;
  auto n4 = N4::New();
  n4->SetInput(to_itk<FloatImage>(coarse));
  n4->SetMaskImage(to_itk<ByteImage3>(coarse_mask));
  n4->SetNumberOfFittingLevels(options.levels);
  N4::VariableSizeArrayType iterations(options.levels);
  iterations.Fill(options.iterations);
  n4->SetMaximumNumberOfIterations(iterations);
  n4->SetConvergenceThreshold(1e-3f);
  stop_when_interrupted(n4);
  run_itk([&] { n4->Update(); }, what + ": the bias field could not be fitted; check the volume and its mask");
  Volume field = from_itk<FloatImage>(n4->GetOutput(), coarse.geometry);
  for (std::size_t i = 0; i < field.data.size(); ++i) {
    const double ratio = static_cast<double>(coarse.data[i]) / static_cast<double>(field.data[i]);
    if (!(ratio > 0) || !std::isfinite(ratio))
      throw DataError(text(what, ": the bias field is not finite; check the volume and its mask"));
    field.data[i] = static_cast<float>(log_portable(ratio));
  }
  return field;
}

}  // namespace

BiasCorrection correct_bias(const Volume& volume, const Mask& mask, const std::string& what, const N4Options& options) {
  use_one_itk_thread();
  const std::vector<float> before = inside(volume, mask);
  if (before.empty()) throw DataError(text(what, ": the brain mask is empty"));
  const auto [low, high] = std::minmax_element(before.begin(), before.end());
  const double range = static_cast<double>(*high) - static_cast<double>(*low);
  if (!(range > 0)) throw DataError(text(what, ": the volume is constant inside the brain; check the series"));
  // N4 works on logarithms: values are shifted so that all lie above zero.
  const double shift =
      0.01 * range - std::min(0.0, static_cast<double>(*std::min_element(volume.data.begin(), volume.data.end())));
  Volume shifted = volume;
  for (float& v : shifted.data) v = static_cast<float>(static_cast<double>(v) + shift);
  const Geometry grid = coarse_grid(volume.geometry, options.grid_mm);
  Mask coarse_mask = averaged(mask, grid);
  for (float& v : coarse_mask.data) v = v >= 0.5f ? 1.0f : 0.0f;
  const Volume field = log_field(averaged(shifted, grid), coarse_mask, what, options);
  // Beyond the centres of the outer coarse voxels the interpolation gives 0, the logarithm of no correction; the brain is not there.
  const Volume full = resample_linear(field, volume.geometry, {});
  BiasCorrection result;
  result.corrected = result.field = volume;
  std::vector<float> factors;
  double logarithms = 0;
  for (std::size_t i = 0; i < full.data.size(); ++i) {
    result.field.data[i] = static_cast<float>(exp_portable(static_cast<double>(full.data[i])));
    if (!(mask.data[i] > 0)) continue;
    factors.push_back(result.field.data[i]);
    logarithms += static_cast<double>(full.data[i]);
  }
  const double mean = exp_portable(logarithms / static_cast<double>(factors.size()));
  result.field_low = quantile(factors, 0.01) / mean;
  result.field_high = quantile(factors, 0.99) / mean;
  const auto divide = [&] {
    for (std::size_t i = 0; i < volume.data.size(); ++i) result.corrected.data[i] = volume.data[i] / result.field.data[i];
  };
  divide();
  // The median inside the mask stays.
  const double scale = quantile(inside(result.corrected, mask), 0.5) / quantile(before, 0.5);
  if (std::isfinite(scale) && scale > 0) {
    for (float& v : result.field.data) v = static_cast<float>(static_cast<double>(v) * scale);
    divide();
  }
  return result;
}

}  // namespace vitrine::imaging
