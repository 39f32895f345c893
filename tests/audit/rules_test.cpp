// The rules that an audit holds a step to are those of every option: a sound run has no record outside of its bound.
#include <gtest/gtest.h>

#include "audit/fold_audit.h"
#include "audit/verify.h"
#include "nn/efficientnet/checkpoint.h"
#include "tests/audit/temporary_folder.h"
#include "tests/train/small_fold.h"
#include "weights/safetensors.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;
using vitrine::testing::TemporaryFolder;

TrainOptions two_epochs() {
  TrainOptions options = vitrine::testing::small_options();
  options.epochs = 2;
  options.keeping.audit = "full";
  return options;
}

FoldData uneven_fold() {
  FoldData data = vitrine::testing::small_fold();
  for (std::size_t i = 0; i < 3; ++i) {  // nine of one class, six of the other
    const Dataset more = vitrine::testing::discs(6, 9);
    data.train.images.push_back(more.images[2 * i]);
    data.train.labels.push_back(more.labels[2 * i]);
    data.train.samples.push_back(more.samples[2 * i]);
  }
  return data;
}

Verified audited(TrainOptions options) {
  TemporaryFolder folder;
  watch_as_asked(options);
  Progress progress(ProgressMode::none);
  train_fold(uneven_fold(), options, folder.path() / "fold_0", "key", "test", progress);
  return verify_folder(folder.path() / "audit" / "fold_0");
}

void expect_sound(const TrainOptions& options, std::uint64_t least) {
  const Verified v = audited(options);
  EXPECT_EQ(v.above, 0u);
  EXPECT_LE(v.worst_rho, 1.0);
  EXPECT_GT(v.shadowed, least);
}

TEST(AuditRules, HoldForSgdWithoutMixupAndViews) {
  TrainOptions options = two_epochs();
  options.rule = "sgd";
  options.schedule = "flat";
  options.mixup = 0;
  options.augmentation = false;
  options.balance = Balance::none;
  options.dropout = 0;
  options.drop_connect = 0;
  expect_sound(options, 2000);
}

TEST(AuditRules, HoldForRmspropAndDraws) {
  TrainOptions options = two_epochs();
  options.rule = "rmsprop";
  options.schedule = "cosine";
  options.mixup_mode = "batch";
  options.oversample_by = "draws";
  options.flip = "both";
  options.augment.max_warp = 0.2;
  options.label_smoothing = 0.1;
  expect_sound(options, 2000);
}

TEST(AuditRules, HoldForAFrozenTrunkAndTheConcatHead) {
  TrainOptions options = two_epochs();
  options.head = "concat-pool";
  options.freeze = "stage3";
  options.unfreeze_at = 2;
  options.lr_scale = "0.01:1";
  options.optimizer.decay_vectors = true;
  expect_sound(options, 1500);
}

TEST(AuditRules, HoldForNormsThatTrainAlone) {
  TrainOptions options = two_epochs();
  options.freeze = "stage3";
  options.train_frozen_norm = true;
  options.control = "permuted-labels";
  expect_sound(options, 1500);
}

TEST(AuditRules, HoldForALiteNetworkAndAtSummary) {
  TrainOptions options = two_epochs();
  options.arch = "lite0";
  expect_sound(options, 2000);
  options.keeping.audit = "summary";
  expect_sound(options, 50);
}

TEST(AuditRules, HoldForTensorflowsPaddingOfOneSize) {
  TemporaryFolder folder;
  for (const PaddingRule padding : {PaddingRule::same, PaddingRule::same_static}) {
    Semantics semantics = published_semantics(Family::torchvision, architecture("b0"));
    semantics.padding = padding;
    semantics.static_size = padding == PaddingRule::same_static ? 224 : 0;
    semantics.bn_eps = 1e-3;
    semantics.bn_momentum = 0.01;
    EfficientNet net(architecture("b0"), semantics, 2);
    net.initialize(3);
    write_sealed_safetensors(folder.path() / "start.safetensors", to_tensor_file(net, {}));
    TrainOptions options = two_epochs();
    options.weights = (folder.path() / "start.safetensors").string();
    options.bn_momentum = 0;
    expect_sound(options, 2000);
  }
}

}  // namespace
}  // namespace vitrine::audit
