#include "imaging/bench/scores.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/bench/our_steps.h"
#include "imaging/steps/mask.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr float kWhite = 3, kSolid = 8;  // of tissue_truth

double mean_where(const Volume& volume, const Volume& tissue, float label) {
  double sum = 0, count = 0;
  for (std::size_t n = 0; n < volume.data.size(); ++n) {
    if (tissue.data[n] != label) continue;
    sum += static_cast<double>(volume.data[n]);
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

constexpr Matrix4 kNothing{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

// Runs a step; when it refuses, its sentence is kept and the score of doing nothing stands.
template <class Step>
void attempt(CaseScores& scores, const Step& step) {
  check_interrupt("the measurement");
  try {
    step();
  } catch (const DataError& error) {
    scores.refused.emplace_back(error.what());
  } catch (const NumericalError& error) {
    scores.refused.emplace_back(error.what());
  }
}

}  // namespace

double target_registration_error(const Matrix4& found, const Matrix4& truth, const Mask& brain) {
  const Geometry& g = brain.geometry;
  double sum = 0, count = 0;
  for (std::int64_t k = 0; k < g.size[2]; k += 3) {
    for (std::int64_t j = 0; j < g.size[1]; j += 3) {
      for (std::int64_t i = 0; i < g.size[0]; i += 3) {
        if (brain.at(i, j, k) == 0) continue;
        const Vec3 p = g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        const Vec3 a = times(found, p), b = times(truth, p);
        sum += std::sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
        ++count;
      }
    }
  }
  return count > 0 ? sum / count : 0;
}

double percent_outside(const Mask& lesion, const Mask& brain) {
  double outside = 0, all = 0;
  for (std::size_t n = 0; n < lesion.data.size(); ++n) {
    if (lesion.data[n] == 0) continue;
    ++all;
    outside += brain.data[n] == 0 ? 1 : 0;
  }
  return all > 0 ? 100 * outside / all : 0;
}

FieldError field_error(const Volume& field, const Volume& truth, const Mask& brain) {
  double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  for (std::size_t at = 0; at < field.data.size(); ++at) {
    if (brain.data[at] == 0) continue;
    const double v = static_cast<double>(field.data[at]);
    const double x = v > 0 && std::isfinite(v) ? log_portable(v) : 0, y = log_portable(static_cast<double>(truth.data[at]));
    ++n;
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  }
  if (n == 0) return {};
  const double vx = sxx / n - sx / n * sx / n, vy = syy / n - sy / n * sy / n, cov = sxy / n - sx / n * sy / n;
  return {vx > 1e-12 && vy > 1e-12 ? cov / std::sqrt(vx * vy) : 0, 100 * std::sqrt(std::max(0.0, vx + vy - 2 * cov))};
}

double contrast_change_percent(const Volume& corrected, const Volume& clean, const Volume& tissue) {
  const double solid = mean_where(clean, tissue, kSolid), white = mean_where(clean, tissue, kWhite);
  const double found_solid = mean_where(corrected, tissue, kSolid), found_white = mean_where(corrected, tissue, kWhite);
  if (!(solid > 0 && white > 0 && found_white > 0)) return 0;
  return 100 * std::abs(found_solid / found_white / (solid / white) - 1);
}

CaseScores score_case(const BenchCase& c, const HeadTemplate* head) {
  CaseScores s;
  s.name = c.name;
  s.sequence = c.sequence;
  s.bias = c.bias;
  for (std::size_t m = 0; m < 2; ++m) {
    const BenchMoving& moving = c.moving[m];
    const Series series = m == 0 ? Series::flair : Series::t2;
    s.tre.push_back(target_registration_error(kNothing, moving.from_t1c, c.brain));
    s.far_tre.push_back(target_registration_error(kNothing, moving.far_from_t1c, c.brain));
    attempt(s, [&] {
      s.tre[m] = target_registration_error(matrix_of(our_registration(c.t1c, moving.volume, series).transform), moving.from_t1c,
                                           c.brain);
    });
    attempt(s, [&] {
      const Volume far{moving.far_grid, moving.volume.data};
      s.far_tre[m] =
          target_registration_error(matrix_of(our_registration(c.t1c, far, series).transform), moving.far_from_t1c, c.brain);
    });
    attempt(s, [&] { (m == 0 ? s.dice_flair : s.dice_t2) = dice(our_brain(moving.volume, series, head), moving.brain); });
  }
  attempt(s, [&] { s.checks = our_checks(c.t1c, c.moving[0].volume, c.moving[1].volume, c.brain, c.lesion); });
  s.outside = 100;
  attempt(s, [&] {
    const Mask brain = our_brain(c.t1c, Series::t1c, head);
    s.dice = dice(brain, c.brain);
    s.outside = percent_outside(c.lesion, brain);
  });
  Volume nothing = c.field;
  std::fill(nothing.data.begin(), nothing.data.end(), 1.0f);
  s.field = field_error(nothing, c.field, c.brain);
  s.contrast = contrast_change_percent(c.t1c, c.clean, c.tissue);
  attempt(s, [&] {
    const CorrectedBias bias = our_bias(c.t1c, c.brain, c.lesion, Series::t1c);
    s.field = field_error(bias.field, c.field, c.brain);
    s.contrast = contrast_change_percent(bias.corrected, c.clean, c.tissue);
  });
  return s;
}

}  // namespace vitrine::imaging
