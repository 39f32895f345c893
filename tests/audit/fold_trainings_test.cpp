// Audits of the second training of a fold, and of training on a device.
#include <gtest/gtest.h>

#include <map>

#include "audit/chain.h"
#include "audit/fold_audit.h"
#include "audit/identity.h"
#include "audit/verify.h"
#include "base/error.h"
#include "base/file.h"
#include "data/split.h"
#include "tests/audit/temporary_folder.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "tests/cuda_devices.h"
#include "tests/train/small_fold.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;
using vitrine::testing::Outcome;
using vitrine::testing::PrecisionScope;
using vitrine::testing::TemporaryFolder;
using vitrine::testing::TierScope;
using vitrine::testing::vitrine_program;

FoldData fold_with_whole() {
  FoldData data = vitrine::testing::small_fold();
  data.inner = vitrine::testing::discs(6, 4);
  data.whole = data.train;
  data.whole.images.insert(data.whole.images.end(), data.inner.images.begin(), data.inner.images.end());
  data.whole.labels.insert(data.whole.labels.end(), data.inner.labels.begin(), data.inner.labels.end());
  data.whole.samples.insert(data.whole.samples.end(), data.inner.samples.begin(), data.inner.samples.end());
  return data;
}

TrainOptions options_at(const std::string& level) {
  TrainOptions options = vitrine::testing::small_options();
  options.epochs = 2;
  options.keeping.audit = level;
  watch_as_asked(options);
  return options;
}
TrainOptions refit_at(const std::string& level) {
  TrainOptions options = options_at(level);
  options.select = "nested-refit";
  return options;
}

void train(const FoldData& data, const fs::path& run, const TrainOptions& options) {
  Progress progress(ProgressMode::none);
  fs::create_directories(run);
  train_fold(data, options, run / "fold_0", "key", "test", progress);
}

std::vector<StepLine> steps_of(const fs::path& folder) {
  ChainReader chain(folder / "steps.jsonl", read_identity(folder / "run.json").sha256);
  std::vector<StepLine> all;
  while (const auto step = chain.next()) all.push_back(*step);
  return all;
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const fs::path& file : entries_of(folder, true))
    if (!is_folder(file)) all[file.lexically_relative(folder).string()] = sha256_of_file(file, 1u << 30);
  return all;
}

TEST(RefitAudit, FollowsBothTrainingsAndChangesNoByte) {
  TemporaryFolder folder;
  const FoldData data = fold_with_whole();
  train(data, folder.path() / "off", refit_at("off"));
  train(data, folder.path() / "on", refit_at("summary"));
  EXPECT_EQ(vitrine::testing::hash_of(folder.path() / "on" / "fold_0"),
            vitrine::testing::hash_of(folder.path() / "off" / "fold_0"));
  const std::vector<fs::path> audits = audits_of(folder.path() / "on");
  ASSERT_EQ(audits.size(), 2u);
  EXPECT_EQ(audits[0].filename(), "fold_0");
  EXPECT_EQ(audits[1].filename(), "fold_0_refit");
  const Verified first = verify_folder(audits[0]), second = verify_folder(audits[1]);
  EXPECT_TRUE(first.finished);
  EXPECT_TRUE(second.finished);
  EXPECT_EQ(first.identity.part, "train");
  EXPECT_EQ(second.identity.part, "whole");
  EXPECT_EQ(first.steps, 2u * 2);                                                    // 12 images in batches of 8
  EXPECT_EQ(second.steps, 3u * static_cast<std::uint64_t>(second.identity.epochs));  // 18 images
  EXPECT_EQ(first.identity.weights, second.identity.weights);
}

// Passes all on to an audit and fails in one step of one training, as a machine might.
class FailsAt final : public StepWatch {
 public:
  FailsAt(std::unique_ptr<StepWatch> inner, std::int64_t step) : inner_(std::move(inner)), step_(step) {}
  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    if (step.number == step_) throw Error(ExitCode::runtime, "the test stops here");
    return inner_->begin(step, batch, net);
  }
  void computed(double loss, const Tensor& logits) override { inner_->computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& g, const Optimizer& o, const UpdateFacts& u) override {
    inner_->before_update(net, g, o, u);
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override { inner_->after_update(net, optimizer); }
  void keep() override { inner_->keep(); }
  void finished() override { inner_->finished(); }

 private:
  std::unique_ptr<StepWatch> inner_;
  std::int64_t step_;
};

TEST(RefitAudit, AStoppedSecondTrainingEndsWithTheBytesOfOneThatWasNot) {
  TemporaryFolder folder;
  const FoldData data = fold_with_whole();
  train(data, folder.path() / "whole", refit_at("summary"));
  TrainOptions stopping = refit_at("summary");
  stopping.keeping.watch_steps = [](const FoldStart& start) -> std::unique_ptr<StepWatch> {
    if (!start.refit) return open_fold_audit(start);
    return std::make_unique<FailsAt>(open_fold_audit(start), 2);
  };
  EXPECT_THROW(train(data, folder.path() / "stopped", stopping), Error);
  train(data, folder.path() / "stopped", refit_at("summary"));
  EXPECT_EQ(files_of(folder.path() / "stopped" / "audit"), files_of(folder.path() / "whole" / "audit"));
}

TEST(RefitAudit, BothTrainingsAreMadeAgain) {
  TemporaryFolder folder;
  const fs::path at = folder.path();
  const Manifest written = vitrine::testing::write_crops(at / "m", {.subjects = 12, .size = 64});
  const Manifest manifest = read_manifest(written.path);
  write_file(at / "splits.json", splits_json(make_splits(manifest, {.test_fraction = 0.2, .folds = 2})));
  const std::string run = (at / "run").string();
  const Outcome trained = vitrine_program(
      "train " + (at / "m/manifest.csv").string() + " --splits " + (at / "splits.json").string() + " -o " + run +
      " --arch lite0 --epochs 2 --batch-size 3 --select nested-refit" + " --audit summary --audit-every 1 -q");
  ASSERT_EQ(trained.code, 0) << trained.output;
  for (const std::string name : {"fold_0", "fold_0_refit"}) {
    const Outcome remade = vitrine_program("audit verify " + run + "/audit/" + name + " --steps 0..1");
    EXPECT_EQ(remade.code, 0) << name << ": " << remade.output;
  }
  const Outcome replayed = vitrine_program("audit replay " + run + "/audit/fold_0_refit --step 1");
  EXPECT_EQ(replayed.code, 0) << replayed.output;
  const Outcome all = vitrine_program("audit verify " + run);
  EXPECT_EQ(all.code, 0) << all.output;
  EXPECT_NE(all.output.find("fold_0_refit: holds"), std::string::npos) << all.output;
}

struct DeviceAudit : ::testing::Test {
  TemporaryFolder folder;
  fs::path trained(const std::string& name, const std::string& level, Device device) {
    TrainOptions options = options_at(level);
    options.epochs = 1;
    options.device = device;
    options.batch_size = 4;
    const FoldData few{vitrine::testing::discs(8, 1), vitrine::testing::discs(2, 2), vitrine::testing::discs(2, 3)};
    train(few, folder.path() / name, options);
    return folder.path() / name;
  }
};

TEST_F(DeviceAudit, ThePortableTierHasTheHashesOfTheCpu) {
  TierScope tier(cuda::Tier::portable);
  const Device host = Device::cuda_host();
  const std::string off = vitrine::testing::hash_of(trained("off", "off", host) / "fold_0");
  for (const std::string level : {"summary", "full"}) {
    const fs::path here = trained(level, level, host), cpu = trained(level + "-cpu", level, Device::cpu());
    EXPECT_EQ(vitrine::testing::hash_of(here / "fold_0"), off) << level;
    const Verified v = verify_folder(here / "audit" / "fold_0");
    EXPECT_GT(v.shadowed, 0u) << level;
    EXPECT_EQ(v.above, 0u) << level;
    const std::vector<StepLine> a = steps_of(here / "audit" / "fold_0"), b = steps_of(cpu / "audit" / "fold_0");
    ASSERT_EQ(a.size(), 2u);
    ASSERT_EQ(b.size(), 2u);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].images, b[i].images) << level << " step " << i;
      EXPECT_EQ(a[i].targets, b[i].targets) << level << " step " << i;
      EXPECT_EQ(a[i].logits, b[i].logits) << level << " step " << i;
      EXPECT_EQ(a[i].loss, b[i].loss) << level << " step " << i;
      EXPECT_EQ(a[i].gradients, b[i].gradients) << level << " step " << i;
      EXPECT_EQ(a[i].weights, b[i].weights) << level << " step " << i;
      EXPECT_EQ(a[i].buffers, b[i].buffers) << level << " step " << i;
      EXPECT_EQ(a[i].moments, b[i].moments) << level << " step " << i;
    }
  }
}

// The bounds are those of the portable order of summation.
TEST_F(DeviceAudit, TheRunToRunTierHasNoShadowsAndSaysSo) {
  TierScope tier(cuda::Tier::run_to_run);
  const fs::path here = trained("run", "full", Device::cuda_host());
  const Verified v = verify_folder(here / "audit" / "fold_0");
  EXPECT_GT(v.records, 300u);
  EXPECT_EQ(v.shadowed, 0u);
  EXPECT_NE(read_file(here / "audit" / "fold_0" / "run.json", 1u << 20).find("\"shadows\": false"), std::string::npos);
}

// Its images lie in bfloat16: records of them are there, of as many values, and other ones.
TEST_F(DeviceAudit, ImagesInBfloat16HaveRecords) {
  TierScope tier(cuda::Tier::run_to_run);
  const fs::path plain = trained("plain", "full", Device::cuda_host());
  const PrecisionScope precision(cuda::Precision::bf16);
  const fs::path here = trained("bf16", "full", Device::cuda_host()), again = trained("again", "full", Device::cuda_host());
  const Verified v = verify_folder(here / "audit" / "fold_0");
  EXPECT_EQ(v.records, verify_folder(plain / "audit" / "fold_0").records);
  const auto steps = [](const fs::path& run) { return steps_of(run / "audit" / "fold_0"); };
  EXPECT_NE(steps(here)[0].logits, steps(plain)[0].logits);
  EXPECT_EQ(steps(here)[1].weights, steps(again)[1].weights);
}

}  // namespace
}  // namespace vitrine::audit
