#include "evaluation/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/number.h"
#include "evaluation/score_counts.h"

namespace vitrine {

RocCurve roc_curve(std::span<const int> is_positive, std::span<const double> score) {
  const double positives = static_cast<double>(std::count(is_positive.begin(), is_positive.end(), 1));
  const double negatives = static_cast<double>(is_positive.size()) - positives;
  RocCurve curve{{0.0}, {0.0}, {std::numeric_limits<double>::infinity()}};
  for (const ScoreCounts& at : score_counts(is_positive, score)) {
    curve.false_positive_rate.push_back(static_cast<double>(at.false_alarms) / negatives);
    curve.true_positive_rate.push_back(static_cast<double>(at.hits) / positives);
    curve.threshold.push_back(at.threshold);
  }
  return curve;
}

std::optional<double> roc_auc(std::span<const int> is_positive, std::span<const double> score) {
  const auto positives = std::count(is_positive.begin(), is_positive.end(), 1);
  if (positives == 0 || positives == static_cast<std::ptrdiff_t>(is_positive.size())) return std::nullopt;
  const RocCurve curve = roc_curve(is_positive, score);
  double area = 0;
  for (std::size_t i = 1; i < curve.false_positive_rate.size(); ++i) {
    area += (curve.false_positive_rate[i] - curve.false_positive_rate[i - 1]) *
            (curve.true_positive_rate[i] + curve.true_positive_rate[i - 1]) / 2;
  }
  return area;
}

std::vector<ClassMetrics> class_metrics(const std::vector<std::vector<int>>& confusion,
                                        const std::vector<std::string>& classes) {
  std::vector<ClassMetrics> all;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    ClassMetrics metrics;
    metrics.name = classes[c];
    int predicted = 0;
    for (std::size_t k = 0; k < classes.size(); ++k) {
      metrics.support += confusion[c][k];
      predicted += confusion[k][c];
    }
    const int hits = confusion[c][c];
    if (predicted > 0) metrics.precision = static_cast<double>(hits) / predicted;
    if (metrics.support > 0) metrics.recall = static_cast<double>(hits) / metrics.support;
    if (predicted + metrics.support > 0) metrics.f1 = 2.0 * hits / (predicted + metrics.support);
    all.push_back(std::move(metrics));
  }
  return all;
}

Metrics classification_metrics(std::span<const int> labels, const std::vector<std::vector<double>>& probability,
                               const std::vector<std::string>& classes) {
  if (labels.size() != probability.size())
    throw InternalError(text("metrics: ", labels.size(), " labels, ", probability.size(), " predictions"));
  Metrics m;
  m.count = static_cast<int>(labels.size());
  m.confusion.assign(classes.size(), std::vector<int>(classes.size(), 0));
  std::vector<int> is_positive;
  std::vector<double> score;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto best = std::max_element(probability[i].begin(), probability[i].end()) - probability[i].begin();
    ++m.confusion[static_cast<std::size_t>(labels[i])][static_cast<std::size_t>(best)];
    is_positive.push_back(labels[i] == static_cast<int>(classes.size()) - 1 ? 1 : 0);
    score.push_back(probability[i].back());
  }
  m.classes = class_metrics(m.confusion, classes);
  int right = 0;
  for (std::size_t c = 0; c < classes.size(); ++c) right += m.confusion[c][c];
  m.accuracy = m.count > 0 ? static_cast<double>(right) / m.count : 0;
  m.auc = roc_auc(is_positive, score);
  return m;
}

std::optional<MeanSd> mean_sd(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  MeanSd result;
  result.count = static_cast<int>(values.size());
  for (const double v : values) result.mean += v;
  result.mean /= result.count;
  for (const double v : values) result.sd += (v - result.mean) * (v - result.mean);
  result.sd = result.count > 1 ? std::sqrt(result.sd / (result.count - 1)) : 0;
  return result;
}

std::string mean_sd_text(const std::optional<MeanSd>& v, int digits, int of) {
  if (!v) return "n/a";
  const std::string count = v->count < of || v->count == 1 ? text(" (n = ", v->count, ")") : std::string();
  return text(fixed(v->mean, digits), v->count > 1 ? " +- " + fixed(v->sd, digits) : std::string(), count);
}

}  // namespace vitrine
