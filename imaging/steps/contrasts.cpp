#include "imaging/steps/contrasts.h"

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kGridMm = 2, kBorderMm = 4, kLesionMm = 12;
constexpr double kFluidShare = 0.96, kRestShare = 0.75;
constexpr std::size_t kFewest = 2000;  // voxels
constexpr double kMostT1c = -0.55, kMostFlair = -0.8, kLeastT2 = 0.9;
constexpr int kAll = 5, kDoubtful = 3;
constexpr const char* kNames[] = {"T1c", "FLAIR", "T2"};

using Values = std::vector<float>;

// The values of each series in the voxels that are looked at.
std::array<Values, 3> inner_values(const std::array<const Volume*, 3>& series, const Mask& brain, const Mask& lesion) {
  const Geometry grid = coarse_grid(brain.geometry, kGridMm);
  Mask outside = averaged(brain, grid);
  for (float& v : outside.data) v = v >= 0.5f ? 0.0f : 1.0f;
  outside = dilated(outside, kBorderMm);
  if (!lesion.data.empty()) {
    Mask marked = averaged(lesion, grid);
    for (float& v : marked.data) v = v > 0 ? 1.0f : 0.0f;
    marked = dilated(marked, kLesionMm);
    for (std::size_t i = 0; i < outside.data.size(); ++i) outside.data[i] = std::max(outside.data[i], marked.data[i]);
  }
  std::array<Values, 3> values;
  for (std::size_t s = 0; s < 3; ++s) {
    const Volume coarse = averaged(*series[s], grid);
    for (std::size_t i = 0; i < coarse.data.size(); ++i) {
      if (outside.data[i] == 0) values[s].push_back(coarse.data[i]);
    }
  }
  return values;
}

Values where(const Values& values, const std::vector<bool>& chosen) {
  Values out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (chosen[i]) out.push_back(values[i]);
  }
  return out;
}

double correlation(const Values& a, const Values& b) {
  double sum_a = 0, sum_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum_a += static_cast<double>(a[i]);
    sum_b += static_cast<double>(b[i]);
  }
  const double n = static_cast<double>(a.size()), mean_a = sum_a / n, mean_b = sum_b / n;
  double aa = 0, ab = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]) - mean_a, y = static_cast<double>(b[i]) - mean_b;
    aa += x * x;
    ab += x * y;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

ContrastFigures figures_of(const Values& t1c, const Values& flair, const Values& t2) {
  const auto bright = static_cast<float>(quantile(t2, kFluidShare)), middle = static_cast<float>(quantile(t2, kRestShare));
  std::vector<bool> fluid(t2.size()), rest(t2.size());
  for (std::size_t i = 0; i < t2.size(); ++i) {
    fluid[i] = t2[i] >= bright;
    rest[i] = t2[i] < middle;
  }
  const auto apart = [&](const Values& v) {
    const Values tissue = where(v, rest);
    const double width = quantile(tissue, 0.9) - quantile(tissue, 0.1);
    return width > 0 ? (quantile(where(v, fluid), 0.5) - quantile(v, 0.5)) / width : 0;
  };
  return {apart(t1c), apart(flair), apart(t2), correlation(where(t1c, rest), where(t2, rest)),
          correlation(where(flair, rest), where(t2, rest))};
}

}  // namespace

int ContrastFigures::holding() const {
  return (fluid_t1c < kMostT1c ? 1 : 0) + (fluid_flair < kMostFlair ? 1 : 0) + (fluid_t2 > kLeastT2 ? 1 : 0) +
         (t1c_with_t2 < 0 ? 1 : 0) + (flair_with_t2 > 0 ? 1 : 0);
}

ContrastCheck check_contrasts(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& brain, const Mask& lesion) {
  const std::array<Values, 3> values = inner_values({&t1c, &flair, &t2}, brain, lesion);
  ContrastCheck check;
  if (values[0].size() < kFewest) return check;
  check.as_given = figures_of(values[0], values[1], values[2]);
  check.measured = check.as_given.fluid_t2 > kLeastT2;
  check.best_holding = check.as_given.holding();
  constexpr std::array<std::array<int, 3>, 5> kOthers{{{0, 2, 1}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}}};
  for (const auto& order : kOthers) {
    check_interrupt("preparation");
    const auto of = [&](std::size_t place) -> const Values& { return values[static_cast<std::size_t>(order[place])]; };
    const ContrastFigures figures = figures_of(of(0), of(1), of(2));
    check.measured = check.measured || figures.fluid_t2 > kLeastT2;
    const int holding = figures.holding();
    if (holding <= check.best_holding) continue;
    check.best = order;
    check.best_holding = holding;
  }
  return check;
}

Notes contrast_notes(const ContrastCheck& check) {
  Notes notes;
  if (!check.measured || check.as_given.holding() > kDoubtful) return notes;
  const ContrastFigures& f = check.as_given;
  const std::string found =
      text("fluid lies ", fixed(f.fluid_t1c, 2), ", ", fixed(f.fluid_flair, 2), " and ", fixed(f.fluid_t2, 2),
           " from the brain's median in T1c, FLAIR and T2, expected below ", fixed(kMostT1c, 2), ", below ",
           fixed(kMostFlair, 1), " and above ", fixed(kLeastT2, 1), "; T1c and FLAIR run with T2 at ", fixed(f.t1c_with_t2, 2),
           " and ", fixed(f.flair_with_t2, 2), ", expected below and above 0");
  if (check.best_holding == kAll) {
    std::string swapped;
    for (std::size_t c = 0; c < 3; ++c) {
      if (check.best[c] != static_cast<int>(c))
        swapped += text(swapped.empty() ? "" : ", ", "the ", kNames[c], " one in the column of ",
                        kNames[static_cast<std::size_t>(check.best[c])]);
    }
    throw DataError(text("the series look exchanged: ", swapped, " (", found, "); correct the columns"));
  }
  warn(notes, text("the contrasts of the three series are not those of T1c, FLAIR and T2 (", found,
                   "); check which series these are"));
  return notes;
}

}  // namespace vitrine::imaging
