#include "evaluation/delong.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "evaluation/normal.h"

namespace vitrine {
namespace {

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> midranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double rank = 0.5 * static_cast<double>(first + 1 + end);
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = rank;
    first = end;
  }
  return ranks;
}

struct Placements {
  std::vector<double> positive;  // V10: the share of negative units below each positive one, ties by half
  std::vector<double> negative;  // V01
  double auc = 0;
};

Placements placements_of(std::span<const int> is_positive, std::span<const double> score) {
  std::vector<double> positive, negative;
  for (std::size_t i = 0; i < score.size(); ++i) (is_positive[i] == 1 ? positive : negative).push_back(score[i]);
  const std::size_t m = positive.size(), n = negative.size();
  std::vector<double> all = positive;
  all.insert(all.end(), negative.begin(), negative.end());
  const std::vector<double> rank = midranks(all), rank_positive = midranks(positive), rank_negative = midranks(negative);
  Placements v;
  double sum = 0;
  for (std::size_t i = 0; i < m; ++i) {
    v.positive.push_back((rank[i] - rank_positive[i]) / static_cast<double>(n));
    sum += rank[i] - rank_positive[i];  // halves: exact
  }
  for (std::size_t j = 0; j < n; ++j) v.negative.push_back(1 - (rank[m + j] - rank_negative[j]) / static_cast<double>(m));
  v.auc = sum / static_cast<double>(m) / static_cast<double>(n);
  return v;
}

// The sample covariance; means are those of the placements, the AUCs.
double covariance(const std::vector<double>& a, double mean_a, const std::vector<double>& b, double mean_b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size() - 1);
}

double covariance(const Placements& a, const Placements& b) {
  return covariance(a.positive, a.auc, b.positive, b.auc) / static_cast<double>(a.positive.size()) +
         covariance(a.negative, a.auc, b.negative, b.auc) / static_cast<double>(a.negative.size());
}

// Its variance is that of the difference of the AUCs: never below 0, as var + var - 2 cov may be in floating point.
Placements difference_of(const Placements& a, const Placements& b) {
  Placements d;
  for (std::size_t i = 0; i < a.positive.size(); ++i) d.positive.push_back(a.positive[i] - b.positive[i]);
  for (std::size_t j = 0; j < a.negative.size(); ++j) d.negative.push_back(a.negative[j] - b.negative[j]);
  d.auc = a.auc - b.auc;
  return d;
}

// What rounding leaves of a standard error of 0: others are at least 1 / (2 m n).
bool is_zero(double error) { return !(error > 1e-13); }

void set_inference(AucDifference& result, const Figure& none) { result.low = result.high = result.z = result.p = none; }

// Why there is no AUC, or no variance; empty when there is.
std::string no_auc(std::ptrdiff_t m, std::ptrdiff_t n) {
  return m + n == 0 ? "there is no unit" : m == 0 || n == 0 ? "only one class is present" : "";
}
std::string no_variance(std::ptrdiff_t m, std::ptrdiff_t n) {
  return m < 2 || n < 2 ? text("a class has ", std::min(m, n), " unit", std::min(m, n) == 1 ? "" : "s", ", two are needed")
                        : "";
}

void check_lengths(std::size_t labels, std::size_t scores) {
  if (labels != scores) throw InternalError(text("DeLong: ", labels, " labels, ", scores, " scores"));
}

}  // namespace

AucVariance delong_variance(std::span<const int> is_positive, std::span<const double> score) {
  check_lengths(is_positive.size(), score.size());
  const auto m = std::count(is_positive.begin(), is_positive.end(), 1);
  const auto n = static_cast<std::ptrdiff_t>(is_positive.size()) - m;
  if (const std::string why = no_auc(m, n); !why.empty())
    return {0, Figure::none(why), Figure::none(why), Figure::none(why), Figure::none(why)};
  const Placements v = placements_of(is_positive, score);
  AucVariance result{static_cast<int>(std::min(m, n)), Figure::of(v.auc), {}, {}, {}};
  if (const std::string why = no_variance(m, n); !why.empty()) {
    result.variance = result.low = result.high = Figure::none(why);
    return result;
  }
  const double variance = covariance(v, v);
  const double error = std::sqrt(variance);
  result.variance = Figure::of(is_zero(error) ? 0 : variance);
  if (is_zero(error)) {
    result.low = result.high = Figure::none("the variance is 0, which says nothing of other units");
    return result;
  }
  result.low = Figure::of(std::max(0.0, v.auc - kNormal975 * error));
  result.high = Figure::of(std::min(1.0, v.auc + kNormal975 * error));
  return result;
}

AucDifference delong_test(std::span<const int> is_positive, std::span<const double> score_a, std::span<const double> score_b) {
  check_lengths(is_positive.size(), score_a.size());
  check_lengths(is_positive.size(), score_b.size());
  const auto m = std::count(is_positive.begin(), is_positive.end(), 1);
  const auto n = static_cast<std::ptrdiff_t>(is_positive.size()) - m;
  AucDifference result;
  result.fewest = static_cast<int>(std::min(m, n));
  if (const std::string why = no_auc(m, n); !why.empty()) {
    result.auc_a = result.auc_b = result.difference = result.covariance = result.standard_error = Figure::none(why);
    set_inference(result, Figure::none(why));
    return result;
  }
  const Placements a = placements_of(is_positive, score_a), b = placements_of(is_positive, score_b);
  result.auc_a = Figure::of(a.auc);
  result.auc_b = Figure::of(b.auc);
  result.difference = Figure::of(a.auc - b.auc);
  if (const std::string why = no_variance(m, n); !why.empty()) {
    result.covariance = result.standard_error = Figure::none(why);
    set_inference(result, Figure::none(why));
    return result;
  }
  const Placements d = difference_of(a, b);
  const double error = std::sqrt(covariance(d, d));
  result.covariance = Figure::of(covariance(a, b));
  result.standard_error = Figure::of(is_zero(error) ? 0 : error);
  if (is_zero(error)) {
    set_inference(result, Figure::none("the standard error of the difference is 0"));
    return result;
  }
  result.low = Figure::of(std::max(-1.0, d.auc - kNormal975 * error));
  result.high = Figure::of(std::min(1.0, d.auc + kNormal975 * error));
  result.z = Figure::of(d.auc / error);
  result.p = Figure::of(two_sided_p(d.auc / error));
  return result;
}

}  // namespace vitrine
