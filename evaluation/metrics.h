// Classification metrics, by scikit-learn's definitions (tests hold them to its values).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vitrine {

struct ClassMetrics {
  std::string name;
  std::optional<double> precision;  // nullopt where the denominator is zero: shown as n/a, left out of means
  std::optional<double> recall;
  std::optional<double> f1;
  int support = 0;
};

// Scores at or above the threshold are called positive. Thresholds descend from infinity, where nothing is positive, over every score that
// occurs: from (0, 0) to (1, 1), equal scores as one point, no collinear point dropped. Rates are NaN when a class is absent.
struct RocCurve {
  std::vector<double> false_positive_rate;
  std::vector<double> true_positive_rate;
  std::vector<double> threshold;
};

struct Metrics {
  int count = 0;
  double accuracy = 0;
  std::vector<ClassMetrics> classes;
  std::optional<double> auc;                // of the last class (SCLC) by the trapezoid; nullopt when only one class is present
  std::vector<std::vector<int>> confusion;  // [actual][predicted]
};

RocCurve roc_curve(std::span<const int> is_positive, std::span<const double> score);
std::optional<double> roc_auc(std::span<const int> is_positive, std::span<const double> score);

// Of confusion[actual][predicted]; one a class, in the order of the names.
std::vector<ClassMetrics> class_metrics(const std::vector<std::vector<int>>& confusion,
                                        const std::vector<std::string>& classes);

// probability[i][c]; the predicted class is the first with the highest probability.
Metrics classification_metrics(std::span<const int> labels, const std::vector<std::vector<double>>& probability,
                               const std::vector<std::string>& classes);

struct MeanSd {
  double mean = 0;
  double sd = 0;  // sample standard deviation (n - 1); 0 for one value
  int count = 0;
};
std::optional<MeanSd> mean_sd(std::span<const double> values);  // nullopt for none
// "0.812 +- 0.034"; "0.812 (n = 1)" of one value, which has no deviation; "... (n = 3)" of fewer than `of`; "n/a" of none.
std::string mean_sd_text(const std::optional<MeanSd>& v, int digits, int of);

}  // namespace vitrine
