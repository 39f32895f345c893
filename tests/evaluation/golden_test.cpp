// Every figure against scikit-learn's value, and DeLong's variances against a count of every pair (make_golden.py).
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "evaluation/calibration.h"
#include "evaluation/delong.h"
#include "evaluation/figures.h"
#include "evaluation/metrics.h"
#include "evaluation/precision_recall.h"
#include "evaluation/threshold.h"

namespace vitrine::testing {
namespace {

constexpr double kExact = 1e-12;

struct Case {
  std::string name;
  std::vector<std::string> classes;
  Scores scores;
  std::vector<double> other;
  Json expected = Json::object();
};

std::vector<double> numbers(const Json& array) { return array.get<std::vector<double>>(); }

Case case_of(const Json& json) {
  Case c;
  c.name = json["name"].get<std::string>();
  c.expected = json["expected"];
  c.other = numbers(json["other"]);
  const std::vector<int> labels = json["label"].get<std::vector<int>>();
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string id = "s" + std::to_string(1000 + i);  // in the order of the file
    predictions.push_back({id, id, 1, 0, labels[i], numbers(json["probability"][i])});
  }
  for (std::size_t k = 0; k < predictions.front().probability.size(); ++k) c.classes.push_back("class" + std::to_string(k));
  c.scores = units_of(predictions, c.classes, Level::slice).scores;
  return c;
}

class EvaluationGolden : public ::testing::Test {
 protected:
  void SetUp() override {
    const Json json = parse_json(read_file(std::string(VITRINE_SOURCE_DIR) + "/tests/golden/evaluation.json", 1u << 22));
    threshold = json["threshold"].get<double>();
    for (const Json& c : json["cases"]) cases.push_back(case_of(c));
    ASSERT_EQ(cases.size(), 14u);
  }
  std::vector<Case> cases;
  double threshold = 0;
};

void expect_figure(const Figure& found, const Json& expected, const std::string& what) {
  EXPECT_EQ(found.value.has_value(), !expected.is_null()) << what;
  EXPECT_EQ(found.why.empty(), found.value.has_value()) << what << " has either a value or a reason";
  if (found.value && !expected.is_null()) {
    EXPECT_NEAR(*found.value, expected.get<double>(), kExact) << what;
  }
}

void expect_numbers(const std::vector<double>& found, const Json& expected, const std::string& what) {
  const std::vector<double> wanted = numbers(expected);
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], kExact) << what << " " << i;
}

TEST_F(EvaluationGolden, FiguresAreScikitLearns) {
  for (Case& c : cases) {
    apply_threshold(c.scores, Figure::of(threshold));
    const std::vector<FigureId> ids = figure_ids(Level::slice, c.scores.classes);
    const std::vector<Figure> figures = figures_of(c.scores, c.classes, ids);
    EXPECT_EQ(ids.size(), 9 + 3 * c.classes.size());
    for (std::size_t f = 0; f < ids.size(); ++f) {
      const std::string key(key_of(ids[f].kind));
      const Json none = nullptr;
      const Json& value = c.expected.contains(key) ? c.expected[key] : none;
      expect_figure(figures[f], ids[f].of_class < 0 ? value : value[static_cast<std::size_t>(ids[f].of_class)],
                    c.name + " " + key);
    }
    EXPECT_EQ(confusion_of(c.scores), c.expected["confusion"].get<std::vector<std::vector<int>>>()) << c.name;
  }
}

TEST_F(EvaluationGolden, CurvesAreScikitLearns) {
  int both = 0;
  for (const Case& c : cases) {
    if (!c.expected.contains("roc")) continue;
    ++both;
    const RocCurve roc = roc_curve(c.scores.positives(), c.scores.scores());
    expect_numbers(roc.false_positive_rate, c.expected["roc"]["fpr"], c.name + " fpr");
    expect_numbers(roc.true_positive_rate, c.expected["roc"]["tpr"], c.name + " tpr");
    expect_numbers({roc.threshold.begin() + 1, roc.threshold.end()}, c.expected["roc"]["threshold"], c.name + " thresholds");
    const PrCurve pr = pr_curve(c.scores.positives(), c.scores.scores());
    expect_numbers(pr.recall, c.expected["pr"]["recall"], c.name + " recall");
    expect_numbers(pr.precision, c.expected["pr"]["precision"], c.name + " precision");
    expect_numbers({pr.threshold.begin() + 1, pr.threshold.end()}, c.expected["pr"]["threshold"], c.name + " thresholds");
    expect_figure(youden_threshold(c.scores), c.expected["youden"], c.name + " Youden's threshold");
  }
  EXPECT_EQ(both, 12);
}

TEST_F(EvaluationGolden, CalibrationIsScikitLearns) {
  for (const Case& c : cases) {
    if (c.expected["calibration"].is_null()) continue;
    std::vector<double> predicted, observed;
    int count = 0;
    for (const CalibrationBin& bin : calibration(c.scores)) {
      count += bin.count;
      if (bin.count == 0) continue;
      predicted.push_back(*bin.predicted);
      observed.push_back(*bin.observed);
    }
    EXPECT_EQ(count, static_cast<int>(c.scores.size())) << c.name;
    expect_numbers(predicted, c.expected["calibration"]["predicted"], c.name + " predicted");
    expect_numbers(observed, c.expected["calibration"]["observed"], c.name + " observed");
  }
}

TEST_F(EvaluationGolden, DeLongIsACountOfEveryPair) {
  int with_variance = 0;
  for (const Case& c : cases) {
    const std::vector<int> is_positive = c.scores.positives();
    const std::vector<double> score = c.scores.scores();
    const AucDifference d = delong_test(is_positive, score, c.other);
    if (!c.expected.contains("delong")) {
      EXPECT_EQ(d.difference.why, "only one class is present") << c.name;
      continue;
    }
    const Json& wanted = c.expected["delong"];
    EXPECT_NEAR(*d.auc_a.value, wanted["auc_a"].get<double>(), kExact) << c.name;
    EXPECT_NEAR(*d.auc_b.value, wanted["auc_b"].get<double>(), kExact) << c.name;
    const AucVariance a = delong_variance(is_positive, score), b = delong_variance(is_positive, c.other);
    EXPECT_EQ(a.variance.value.has_value(), wanted.contains("covariance")) << c.name << a.variance.why;
    if (!wanted.contains("covariance")) continue;
    ++with_variance;
    EXPECT_NEAR(*a.variance.value, wanted["variance_a"].get<double>(), kExact) << c.name;
    EXPECT_NEAR(*b.variance.value, wanted["variance_b"].get<double>(), kExact) << c.name;
    EXPECT_NEAR(*d.covariance.value, wanted["covariance"].get<double>(), kExact) << c.name;
    const double variance = *a.variance.value + *b.variance.value - 2 * *d.covariance.value;
    EXPECT_NEAR(*d.standard_error.value * *d.standard_error.value, variance, kExact) << c.name;
  }
  EXPECT_EQ(with_variance, 10);
}

}  // namespace
}  // namespace vitrine::testing
