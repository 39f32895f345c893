#include "train/choice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/train/small_fold.h"

namespace vitrine::testing {
namespace {

// Four slices by hand: labels 0 0 1 1, of the last class 0.1 0.6 0.4 0.9.
TEST(Choice, FiguresOfAnEpochByHand) {
  EpochRecord e;
  evaluate({{0.9, 0.1}, {0.4, 0.6}, {0.6, 0.4}, {0.1, 0.9}}, {0, 0, 1, 1}, 2, e);
  EXPECT_DOUBLE_EQ(e.validation_accuracy, 0.5);
  EXPECT_DOUBLE_EQ(e.validation_auc, 0.75);  // three of four pairs are in order
  EXPECT_NEAR(e.validation_loss, -(2 * std::log(0.9) + 2 * std::log(0.4)) / 4, 1e-15);
  EXPECT_DOUBLE_EQ(e.validation_f1, 0.5);
  evaluate({{0.9, 0.1}, {0.8, 0.2}}, {0, 0}, 2, e);
  EXPECT_EQ(e.validation_auc, -1);  // one class alone
  EXPECT_DOUBLE_EQ(e.validation_f1, 1);
  evaluate({{0.9, 0.1}, {0.8, 0.2}}, {0, 1}, 2, e);
  EXPECT_DOUBLE_EQ(e.validation_f1, (2.0 / 3 + 0) / 2);  // a class that is never found counts as 0
}

TEST(Choice, TheFirstOfEqualsStays) {
  EpochRecord a, b;
  a.validation_accuracy = b.validation_accuracy = 0.8;
  a.validation_loss = 0.5;
  b.validation_loss = 0.4;
  EXPECT_FALSE(is_better(b, a, Monitor::accuracy));
  EXPECT_TRUE(is_better(b, a, Monitor::loss));
  EXPECT_FALSE(is_better(a, b, Monitor::loss));
  EXPECT_THROW(monitor_from_name("acuracy"), UsageError);
  EXPECT_THROW(select_from_name("first"), UsageError);
}

FoldFiles trained(const std::string& name, const TrainOptions& options, const FoldData& data) {
  Progress quiet(true);
  const fs::path folder = fresh_folder(name);
  FoldFiles files = train_fold(data, options, folder, "key", "test", quiet);
  fs::remove_all(folder);
  return files;
}

TEST(Choice, TheLastEpochIsKeptWhereAskedFor) {
  TrainOptions options = small_options();
  options.select = "last";
  EXPECT_EQ(trained("last", options, small_fold()).best_epoch, options.epochs);
}

// One class alone has no AUC: no epoch could be better than the first, which would be kept in silence.
TEST(Choice, AnAucThatDoesNotExistChoosesNothing) {
  TrainOptions options = small_options();
  options.monitor = "auc";
  FoldData data = small_fold();
  for (int& label : data.validation.labels) label = 0;
  EXPECT_THROW(trained("one-class", options, data), DataError);
  EpochRecord none, some;
  none.validation_auc = -1;
  some.validation_auc = 0.2;
  EXPECT_TRUE(is_better(some, none, Monitor::auc));
  EXPECT_FALSE(is_better(none, some, Monitor::auc));
  EXPECT_FALSE(figure_of(none, Monitor::auc));
}

// With an inner part the validation part decides nothing: other labels there leave the same network.
TEST(Choice, NestedDoesNotSeeTheValidationPart) {
  TrainOptions options = small_options();
  options.select = "nested";
  FoldData data = small_fold();
  data.inner = discs(6, 4);
  const FoldFiles first = trained("nested", options, data);
  for (int& label : data.validation.labels) label = 1 - label;
  const FoldFiles second = trained("nested", options, data);
  EXPECT_EQ(second.best_epoch, first.best_epoch);
  ASSERT_EQ(second.test.size(), first.test.size());
  for (std::size_t i = 0; i < first.test.size(); ++i) EXPECT_EQ(second.test[i].probability, first.test[i].probability);
  data.inner = {};
  EXPECT_THROW(trained("nested", options, data), DataError);
}

}  // namespace
}  // namespace vitrine::testing
