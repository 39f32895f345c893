#include "imaging/steps/registration.h"

#include <itkEuler3DTransform.h>
#include <itkImageRegistrationMethodv4.h>
#include <itkMattesMutualInformationImageToImageMetricv4.h>
#include <itkRegistrationParameterScalesFromPhysicalShift.h>
#include <itkRegularStepGradientDescentOptimizerv4.h>

#include <cmath>

#include "base/error.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/itk_bridge.h"

namespace vitrine::imaging {
namespace {

constexpr int kSeed = 42;
constexpr double kMaxShift = 80;  // mm; beyond it the headers are wrong or the heads are two

using Transform = itk::Euler3DTransform<double>;
using Metric = itk::MattesMutualInformationImageToImageMetricv4<FloatImage, FloatImage>;
using Optimizer = itk::RegularStepGradientDescentOptimizerv4<double>;
using Method = itk::ImageRegistrationMethodv4<FloatImage, FloatImage, Transform>;
using Scales = itk::RegistrationParameterScalesFromPhysicalShift<Metric>;

Transform::Pointer to_itk_transform(const RigidTransform& t) {
  auto transform = Transform::New();
  Transform::InputPointType centre;
  Transform::OutputVectorType translation;
  for (unsigned c = 0; c < 3; ++c) {
    centre[c] = t.centre[c];
    translation[c] = t.translation[c];
  }
  transform->SetCenter(centre);
  transform->SetRotation(t.angles[0], t.angles[1], t.angles[2]);
  transform->SetTranslation(translation);
  return transform;
}

Metric::Pointer new_metric() {
  auto metric = Metric::New();
  metric->SetNumberOfHistogramBins(32);
  metric->SetUseMovingImageGradientFilter(false);
  metric->SetUseFixedImageGradientFilter(false);
  return metric;
}

// Negative mutual information at a fixed transform; 0 when nothing overlaps.
double metric_at(const FloatImage* fixed, const FloatImage* moving, const RigidTransform& t) {
  auto metric = new_metric();
  metric->SetFixedImage(fixed);
  metric->SetMovingImage(moving);
  metric->SetVirtualDomainFromImage(fixed);
  metric->SetMovingTransform(to_itk_transform(t));
  try {
    metric->Initialize();
    return metric->GetValue();
  } catch (const itk::ExceptionObject& error) {
    rethrow_known(error);
    return 0;
  }
}

struct Refined {
  RigidTransform transform;
  double metric = 0;
  int iterations = 0;
};

Refined refine(const FloatImage* fixed, const FloatImage* moving, const RigidTransform& start, double step_mm, int iterations,
               double sampling, const std::string& what) {
  auto metric = new_metric();
  auto scales = Scales::New();
  scales->SetMetric(metric);
  auto optimizer = Optimizer::New();
  optimizer->SetScalesEstimator(scales);
  // The largest move of a corner in one step is this many millimetres; steps shrink when the gradient turns.
  optimizer->SetDoEstimateLearningRateAtEachIteration(true);
  optimizer->SetDoEstimateLearningRateOnce(false);
  optimizer->SetMaximumStepSizeInPhysicalUnits(step_mm);
  optimizer->SetNumberOfIterations(static_cast<itk::SizeValueType>(iterations));
  optimizer->SetRelaxationFactor(0.6);
  optimizer->SetMinimumStepLength(5e-4);
  optimizer->SetGradientMagnitudeTolerance(1e-8);  // the default stops at once: it is applied to the scaled gradient
  optimizer->SetReturnBestParametersAndValue(true);
  auto method = Method::New();
  auto transform = to_itk_transform(start);
  method->SetFixedImage(fixed);
  method->SetMovingImage(moving);
  method->SetMetric(metric);
  method->SetOptimizer(optimizer);
  method->SetInitialTransform(transform);
  method->InPlaceOn();
  method->SetNumberOfLevels(1);
  Method::ShrinkFactorsArrayType shrink(1);
  shrink.Fill(1);
  Method::SmoothingSigmasArrayType sigma(1);
  sigma.Fill(0);
  method->SetShrinkFactorsPerLevel(shrink);
  method->SetSmoothingSigmasPerLevel(sigma);
  if (sampling < 1) {
    method->SetMetricSamplingStrategy(Method::MetricSamplingStrategyEnum::REGULAR);
    method->SetMetricSamplingPercentage(sampling);
    method->MetricSamplingReinitializeSeed(kSeed);
  }
  stop_when_interrupted(optimizer);
  run_itk([&] { method->Update(); }, what + ": it could not be coregistered to T1c; check that both show the same head");
  Refined result;
  const auto parameters = transform->GetParameters();
  result.transform.centre = start.centre;
  for (unsigned c = 0; c < 3; ++c) {
    result.transform.angles[c] = parameters[c];
    result.transform.translation[c] = parameters[3 + c];
  }
  result.metric = optimizer->GetValue();
  result.iterations = static_cast<int>(optimizer->GetCurrentIteration());
  return result;
}

Vec3 centre_of(const Geometry& g) {
  return g.to_physical(
      {static_cast<double>(g.size[0] - 1) / 2, static_cast<double>(g.size[1] - 1) / 2, static_cast<double>(g.size[2] - 1) / 2});
}

Vec3 centre_of_mass(const Volume& v) {
  const double floor = quantile(v.data, 0.5);
  Vec3 sum{};
  double mass = 0;
  for (std::int64_t k = 0; k < v.geometry.size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < v.geometry.size[1]; ++j) {
      for (std::int64_t i = 0; i < v.geometry.size[0]; ++i) {
        const double w = std::max(0.0, static_cast<double>(v.at(i, j, k)) - floor);
        mass += w;
        sum[0] += w * static_cast<double>(i);
        sum[1] += w * static_cast<double>(j);
        sum[2] += w * static_cast<double>(k);
      }
    }
  }
  if (mass <= 0) return centre_of(v.geometry);
  return v.geometry.to_physical({sum[0] / mass, sum[1] / mass, sum[2] / mass});
}

Vec3 difference(const Vec3& a, const Vec3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

}  // namespace

Registration register_rigid(const Volume& fixed, const Volume& moving, const std::string& what) {
  use_one_itk_thread();
  const Volume fixed_clean = winsorized(fixed, 0.005, 0.995), moving_clean = winsorized(moving, 0.005, 0.995);
  const Volume fixed6 = averaged(fixed_clean, coarse_grid(fixed.geometry, 6)),
               moving6 = averaged(moving_clean, coarse_grid(moving.geometry, 6));
  const auto f6 = to_itk<FloatImage>(fixed6), m6 = to_itk<FloatImage>(moving6);
  const Vec3 centre = centre_of(fixed.geometry);
  const std::pair<const char*, Vec3> starts[] = {{"headers", Vec3{}},
                                                 {"centres", difference(centre_of(moving.geometry), centre)},
                                                 {"mass", difference(centre_of_mass(moving6), centre_of_mass(fixed6))}};
  Registration result;
  RigidTransform best;
  double best_metric = 0;
  for (const auto& [name, shift] : starts) {
    const RigidTransform start{{}, shift, centre};
    const double metric = metric_at(f6, m6, start);
    if (metric < best_metric) {
      best_metric = metric;
      best = start;
      result.start = name;
    }
  }
  if (result.start.empty()) {
    throw DataError(text(what, ": it does not overlap T1c under any start; check that both show the same head"));
  }
  const Refined coarse = refine(f6, m6, best, 3.0, 100, 1.0, what);
  const auto f3 = to_itk<FloatImage>(averaged(fixed_clean, coarse_grid(fixed.geometry, 3)));
  const auto m3 = to_itk<FloatImage>(averaged(moving_clean, coarse_grid(moving.geometry, 3)));
  result.metric_before = metric_at(f3, m3, {{}, {}, centre});
  const Refined fine = refine(f3, m3, coarse.transform, 1.0, 60, 0.25, what);
  result.transform = fine.transform;
  result.metric_after = metric_at(f3, m3, fine.transform);
  result.iterations = coarse.iterations + fine.iterations;
  const Vec3& t = result.transform.translation;
  const double shift = std::sqrt(t[0] * t[0] + t[1] * t[1] + t[2] * t[2]);
  if (result.metric_after > result.metric_before + 1e-3) {
    throw DataError(text(what, ": coregistration made the match with T1c worse (", result.metric_before, " to ",
                         result.metric_after, "); check the series"));
  }
  if (result.start == "headers" && shift > kMaxShift) {
    throw DataError(text(what, ": coregistration moved the head by ", shift, " mm, at most ", kMaxShift,
                         " were expected; check the series"));
  }
  return result;
}

}  // namespace vitrine::imaging
