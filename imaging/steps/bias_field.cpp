#include "imaging/steps/bias_field.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/prep_kernels.h"
#include "imaging/steps/bias_evidence.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/morphology.h"
#include "imaging/steps/spline_field.h"
#include "imaging/steps/tissue_classes.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kFewestCells = 200;
constexpr double kLeastDeviation = 0.012;  // of a class, in units of the median
constexpr double kSettled = 2e-4;
constexpr std::array<double, 4> kPairScales{0.2, 0.1, 0.06, 0.04};  // in log units
constexpr int kStepsPerScale = 3;
constexpr double kStraight = 8e-10, kMostStiffening = 20;  // mm^-4: a field that bends less is held stiffer

void check_values(const Volume& volume, const Mask& brain, const std::string& what) {
  std::size_t inside = 0, positive = 0;
  float low = 0, high = 0;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (brain.data[i] <= 0) continue;
    const float v = volume.data[i];
    low = inside == 0 ? v : std::min(low, v);
    high = inside == 0 ? v : std::max(high, v);
    ++inside;
    positive += v > 0 ? 1 : 0;
  }
  if (inside == 0) throw DataError(text(what, ": the brain mask is empty"));
  if (!(high > low)) throw DataError(text(what, ": the volume is constant inside the brain; check the series"));
  if (2 * positive < inside)
    throw DataError(
        text(what, ": ", inside - positive, " of ", inside,
             " voxels of the brain are not above 0, expected an image as the scanner gives it; bring the series before it was "
             "normalised"));
}

// The field on cells, alternated with the classes.
class FieldFit {
 public:
  FieldFit(const BiasCells& cells, const BiasOptions& options)
      : cells_(cells),
        options_(options),
        spline_(cells.low, cells.high, options.knot_mm),
        stiffness_(options.stiffness),
        log_field_(cells.value.size()) {}

  int run() {
    const BiasPairs pairs(cells_);
    for (const double scale : kPairScales) {
      for (int step = 0; step < kStepsPerScale; ++step) move_to(pair_equations(pairs, scale), 1);
    }
    TissueClasses classes = TissueClasses::started(divided(), cells_.weight, options_.classes, kLeastDeviation);
    for (int step = 1; step <= options_.steps; ++step) {
      NormalEquations equations = class_equations(classes);
      if (options_.pair_weight > 0) equations.add(pair_equations(pairs, kPairScales.back()), options_.pair_weight);
      const double change = move_to(equations, 1 + options_.pair_weight);
      stiffness_ = options_.stiffness * std::clamp(kStraight / bending(), 1.0, kMostStiffening);
      if (change < kSettled) return step;
    }
    return options_.steps;
  }

  std::vector<double> sampled(const std::array<std::vector<double>, 3>& points) const {
    return spline_.on_grid(coefficients_, points);
  }

  BiasModel model(double mean_log) const { return {cells_.low, cells_.high, options_.knot_mm, coefficients_, mean_log, 1}; }

 private:
  std::vector<double> divided() const {
    std::vector<double> values(log_field_.size());
    kernels::prep_kernels().without_logs(cells_.value.data(), log_field_.data(), static_cast<std::int64_t>(values.size()),
                                         values.data());
    return values;
  }

  NormalEquations class_equations(TissueClasses& classes) const {
    const std::vector<double> values = divided();
    for (int n = 0; n < 2; ++n) classes.refine(values, cells_.weight, kLeastDeviation);
    BiasBlocks blocks(cells_);
    const std::vector<TissueClasses::Evidence> evidence = classes.evidence(values);
    for (std::size_t c = 0; c < values.size(); ++c) {
      const TissueClasses::Evidence& e = evidence[c];
      blocks.add(cells_.centre[c], e.precision * cells_.weight[c], log_field_[c] + e.log_factor);
    }
    return blocks.value_equations(spline_);
  }

  NormalEquations pair_equations(const BiasPairs& pairs, double scale) const {
    return pairs.equations(spline_, log_field_, scale);
  }

  // Solves, and gives the root mean square of the change.
  double move_to(const NormalEquations& equations, double total_weight) {
    coefficients_ = equations.solved(spline_.bending(), stiffness_ * total_weight);
    std::vector<double> next = cells_.at_cells(spline_.on_grid(coefficients_, cells_.axes));
    double sum = 0, weight = 0, change = 0;
    for (std::size_t c = 0; c < next.size(); ++c) {
      sum += cells_.weight[c] * next[c];
      weight += cells_.weight[c];
    }
    for (std::size_t c = 0; c < next.size(); ++c) {
      next[c] -= sum / weight;
      change += cells_.weight[c] * (next[c] - log_field_[c]) * (next[c] - log_field_[c]);
    }
    log_field_ = std::move(next);
    return std::sqrt(change / weight);
  }

  // The mean squared second derivative of the log field, mm^-4.
  double bending() const {
    double sum = 0;
    const std::vector<double>& matrix = spline_.bending();
    for (std::size_t r = 0; r < coefficients_.size(); ++r) {
      for (std::size_t c = 0; c < coefficients_.size(); ++c)
        sum += coefficients_[r] * matrix[r * coefficients_.size() + c] * coefficients_[c];
    }
    return std::max(sum, kStraight / kMostStiffening);
  }

  const BiasCells& cells_;
  const BiasOptions& options_;
  SplineField spline_;
  double stiffness_;
  std::vector<double> coefficients_, log_field_;
};

double voxel_centre(std::int64_t i, double spacing) { return (static_cast<double>(i) + 0.5) * spacing; }

std::array<std::vector<double>, 3> voxel_centres(const Geometry& g) {
  std::array<std::vector<double>, 3> points;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (std::int64_t i = 0; i < g.size[axis]; ++i) points[axis].push_back(voxel_centre(i, g.spacing[axis]));
  }
  return points;
}

float field_of(double log, double mean_log) { return static_cast<float>(exp_portable(log - mean_log)); }
float scaled(float field, double scale) { return static_cast<float>(scale * static_cast<double>(field)); }

std::vector<float> inside(const Volume& volume, const Mask& mask) {
  std::vector<float> values;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (mask.data[i] > 0) values.push_back(volume.data[i]);
  }
  return values;
}

// corrected = volume / field, with the median inside the brain kept.
void divide(const Volume& volume, const Mask& brain, BiasCorrection& result) {
  std::vector<float> after;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    if (brain.data[i] > 0) after.push_back(without_bias(volume.data[i], result.field.data[i]));
  }
  const double before_median = quantile(inside(volume, brain), 0.5), after_median = quantile(after, 0.5);
  const double scale = before_median > 0 && after_median > 0 ? after_median / before_median : 1;
  result.corrected = volume;
  for (std::size_t i = 0; i < volume.data.size(); ++i) {
    result.field.data[i] = scaled(result.field.data[i], scale);
    result.corrected.data[i] = without_bias(volume.data[i], result.field.data[i]);
  }
  result.model.scale = scale;
}

}  // namespace

float without_bias(float value, float field) {
  return static_cast<float>(static_cast<double>(value) / static_cast<double>(field));
}

BiasFieldAt::BiasFieldAt(const BiasModel& model, const Vec3& spacing)
    : model_(model), spacing_(spacing), spline_(model.low, model.high, model.knot_mm) {
  if (model.coefficients.size() != spline_.size())
    throw DataError(text("a bias field has ", model.coefficients.size(), " coefficients, its box asks for ", spline_.size()));
}

float BiasFieldAt::at(std::int64_t i, std::int64_t j, std::int64_t k) const {
  const std::vector<double> log = spline_.on_grid(
      model_.coefficients, {{{voxel_centre(i, spacing_[0])}, {voxel_centre(j, spacing_[1])}, {voxel_centre(k, spacing_[2])}}});
  return scaled(field_of(log.front(), model_.mean_log), model_.scale);
}

BiasCorrection correct_bias(const Volume& volume, const Mask& brain, const Mask& lesion, const BiasOptions& options,
                            const std::string& what) {
  check_values(volume, brain, what);
  const Mask left_out = lesion.data.empty() ? Mask{} : dilated(lesion, options.lesion_margin_mm);
  const BiasCells cells(volume, brain, left_out, options.cell_mm);
  if (cells.value.size() < kFewestCells)
    throw DataError(text(what, ": ", cells.value.size(), " cells of ", options.cell_mm,
                         " mm lie inside the brain and outside the lesion, expected at least ", kFewestCells,
                         " for a bias field; check the brain mask and the lesion mask"));
  FieldFit fit(cells, options);
  BiasCorrection result;
  result.steps = fit.run();
  result.used_share = cells.used_share;
  const std::vector<double> logs = fit.sampled(voxel_centres(volume.geometry));
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    if (brain.data[i] <= 0) continue;
    sum += logs[i];
    ++count;
  }
  result.field = volume;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    if (i % 65536 == 0) check_interrupt("preparation");
    result.field.data[i] = field_of(logs[i], sum / count);
  }
  result.model = fit.model(sum / count);
  const std::vector<float> factors = inside(result.field, brain);
  result.field_low = quantile(factors, 0.01);
  result.field_high = quantile(factors, 0.99);
  divide(volume, brain, result);
  return result;
}

Json record(const BiasCorrection& c) {
  return {{"field_low", c.field_low}, {"field_high", c.field_high}, {"steps", c.steps}, {"used_share", c.used_share}};
}

}  // namespace vitrine::imaging
