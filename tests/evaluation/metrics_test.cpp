#include "evaluation/metrics.h"

#include <gtest/gtest.h>

#include "audit/parity.h"
#include "tests/reference_files.h"

namespace vitrine::testing {
namespace {

TEST(MetricsGolden, AgreeWithScikitLearn) {
  VITRINE_REFERENCE_FILE(path, "metrics.json");
  const ParityRow row = metrics_parity(path);
  EXPECT_TRUE(row.within()) << row.error << ", limit " << row.limit;
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
  EXPECT_EQ(mean_sd_text(mean_sd(values), 2, static_cast<int>(values.size())).find("(n"), std::string::npos);
  EXPECT_EQ(mean_sd_text(MeanSd{0.5, 0.25, 3}, 3, 5), "0.500 +- 0.250 (n = 3)");
  EXPECT_EQ(mean_sd_text(mean_sd(std::vector<double>{3}), 1, 0), "3.0 (n = 1)");  // it has no deviation
  EXPECT_EQ(mean_sd_text(mean_sd({}), 1, 5), "n/a");
}

}  // namespace
}  // namespace vitrine::testing
