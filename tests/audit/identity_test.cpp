// run.json holds every option that decides a result: a step is made again from it, and one that is missing would make another step.
#include "audit/identity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "base/number.h"
#include "base/output.h"
#include "tests/audit/temporary_folder.h"
#include "tests/train/small_fold.h"
#include "train/option_table.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

bool is_of_training(const OptionRow& row) {
  const std::string_view group = row.group;
  return group != "split" && group != "device" && group != "keeping";
}

// Another value than the default, as a command line would give it.
std::string other_value(const OptionRow& row, const std::string& weights) {
  static const std::map<std::string, std::string> texts{
      {"inputs", "flair"},      {"arch", "lite0"},        {"from", "timm"},           {"first-conv", "sum"},
      {"freeze", "stage2"},     {"lr-scale", "stem=0.1"}, {"head", "concat-pool"},    {"schedule", "cosine"},
      {"optimizer", "rmsprop"}, {"mixup-mode", "batch"},  {"oversample-by", "draws"}, {"flip", "both"},
      {"select", "nested"},     {"monitor", "auc"},       {"control", "background"},  {"tta", "both"}};
  const RunOptions defaults;
  if (is_flag(row)) return value_text(row, defaults) == "true" ? "false" : "true";
  if (is_text(row)) {
    if (std::string_view(row.name) == "weights") return weights;
    const auto found = texts.find(row.name);
    return found == texts.end() ? "" : found->second;
  }
  const std::string value = value_text(row, defaults);
  for (const double share : {0.5, 0.25, 0.125}) {
    const double between = row.low + share * (std::min(row.high, row.low + 8) - row.low);
    const std::string words = is_real(row) ? shortest(between) : std::to_string(static_cast<std::int64_t>(between) + 1);
    if (words != value) return words;
  }
  return "";
}

TEST(AuditIdentity, HoldsEveryOptionThatDecidesAResult) {
  vitrine::testing::TemporaryFolder folder;
  const std::string weights = (folder.path() / "w").string();
  write_file(weights, "bytes");
  const FoldData data = vitrine::testing::small_fold();
  EfficientNet net(architecture("lite0"), Semantics{}, 2);
  net.initialize(1);
  const Optimizer optimizer{OptimizerOptions{}};
  int tried = 0;
  for (const OptionRow& row : option_rows()) {
    if (!is_of_training(row)) continue;
    const std::string value = other_value(row, weights);
    ASSERT_NE(value, "") << row.name << ": name another value for it in this test";
    RunOptions run;
    assign(row, run, value);
    run.train.keeping.audit = "full";
    const fs::path fold = folder.path() / "fold_0";
    const std::string key = "k";
    write_file(folder.path() / "run.json",
               identity_text({fold, key, run.train, data, 0, net, optimizer, false, 3, data.train}));
    const RunOptions back = options_of(read_identity(folder.path() / "run.json"));
    for (const OptionRow& each : option_rows()) {
      if (!is_of_training(each)) continue;
      EXPECT_EQ(value_text(each, back), value_text(each, run)) << row.name << " was " << value;
    }
    ++tried;
  }
  EXPECT_GT(tried, 30);
}

TEST(AuditIdentity, NamesTheProcessorWhereTheSystemDoes) {
  if (!fs::exists("/proc/cpuinfo")) GTEST_SKIP() << "no /proc/cpuinfo";
  vitrine::testing::TemporaryFolder folder;
  const FoldData data = vitrine::testing::small_fold();
  EfficientNet net(architecture("lite0"), Semantics{}, 2);
  const Optimizer optimizer{OptimizerOptions{}};
  const TrainOptions options;
  const fs::path fold = folder.path() / "fold_0";
  const std::string key = "k";
  const std::string text = identity_text({fold, key, options, data, 0, net, optimizer, false, 3, data.train});
  std::ifstream file("/proc/cpuinfo");
  const std::string all((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text.find("\"processor\": \"unknown\"") == std::string::npos, all.find("model name") != std::string::npos);
}

}  // namespace
}  // namespace vitrine::audit
