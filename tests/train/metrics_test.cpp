#include "train/metrics.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/reference_files.h"

namespace vitrine::testing {
namespace {

TEST(MetricsGolden, AgreeWithScikitLearn) {
  VITRINE_REFERENCE_FILE(path, "metrics.json");
  for (const Json& row : parse_json(read_file(path, 1u << 20))) {
    const auto labels = row.at("label").get<std::vector<int>>();
    const auto score = row.at("score").get<std::vector<double>>();
    std::vector<std::vector<double>> probability;
    // The file predicts class 1 from score 0.5 on; the first of equal probabilities is class 0, so the tie is tipped.
    for (const double s : score)
      probability.push_back(s == 0.5 ? std::vector<double>{0.5 - 1e-9, 0.5} : std::vector<double>{1 - s, s});
    const Metrics m = classification_metrics(labels, probability, {"a", "b"});
    EXPECT_NEAR(m.accuracy, row.at("accuracy").get<double>(), 1e-12);
    EXPECT_NEAR(*m.auc, row.at("auc").get<double>(), 1e-12);
    EXPECT_EQ(m.confusion, row.at("confusion").get<std::vector<std::vector<int>>>());
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(*m.classes[c].precision, row.at("precision")[c].get<double>(), 1e-12);
      EXPECT_NEAR(*m.classes[c].recall, row.at("recall")[c].get<double>(), 1e-12);
      EXPECT_NEAR(*m.classes[c].f1, row.at("f1")[c].get<double>(), 1e-12);
      EXPECT_EQ(m.classes[c].support, row.at("support")[c].get<int>());
    }
    const RocCurve curve = roc_curve(labels, score);
    const auto fpr = row.at("fpr").get<std::vector<double>>(), tpr = row.at("tpr").get<std::vector<double>>();
    ASSERT_EQ(curve.false_positive_rate.size(), fpr.size());
    for (std::size_t i = 0; i < fpr.size(); ++i) {
      EXPECT_NEAR(curve.false_positive_rate[i], fpr[i], 1e-12);
      EXPECT_NEAR(curve.true_positive_rate[i], tpr[i], 1e-12);
    }
  }
}

TEST(Metrics, UndefinedOnesAreAbsent) {
  const Metrics m = classification_metrics(std::vector<int>{0, 0}, {{0.9, 0.1}, {0.8, 0.2}}, {"a", "b"});
  EXPECT_FALSE(m.auc.has_value());
  EXPECT_FALSE(m.classes[1].precision.has_value());
  EXPECT_FALSE(m.classes[1].recall.has_value());
  EXPECT_FALSE(m.classes[1].f1.has_value());
  EXPECT_EQ(*m.classes[0].recall, 1.0);
  EXPECT_FALSE(mean_sd({}).has_value());
}

TEST(Metrics, DeviationIsTheSamples) {
  const std::vector<double> values = {1, 2, 4};
  EXPECT_NEAR(mean_sd(values)->sd, 1.5275252316519468, 1e-15);
  EXPECT_EQ(mean_sd(std::vector<double>{3})->sd, 0);
}

}  // namespace
}  // namespace vitrine::testing
