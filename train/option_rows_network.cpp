// Rows of the table of options: data, split and network.
#include "train/option_rows.h"

#include "base/error.h"
#include "base/nearest.h"
#include "base/number.h"
#include "data/dataset.h"
#include "nn/efficientnet/first_conv.h"
#include "nn/efficientnet/scaling.h"
#include "weights/key_tables.h"

namespace vitrine {
namespace {

void check_family(const std::string& name) {
  if (name != "auto" && !family_from_name(name))
    throw UsageError(
        text("--from is '", printable(name), "'; choose auto, torchvision, timm, timm-tf, efficientnet-pytorch or tensorflow"));
}

void check_head(const std::string& name) { chosen_name("--head", name, {"linear", "concat-pool"}); }

std::string yes_no(bool value) { return value ? "yes" : "no"; }

// Of the weights only the file's name is recorded: a run that is moved is the same run.
std::string weights_file(const TrainOptions& o) {
  return o.weights.empty() ? "none" : std::filesystem::path(o.weights).filename().string();
}

constexpr OptionRow kRows[] = {
    {.name = "inputs",
     .group = "data",
     .member = [](RunOptions& o) -> Member { return &o.train.inputs; },
     .help = "t1c, flair, t2 or t1c+flair+t2",
     .check = [](const std::string& name) { input_configuration(name); },
     .recorded = "inputs"},
    {.name = "test-fraction",
     .group = "split",
     .member = [](RunOptions& o) -> Member { return &o.split.test_fraction; },
     .help = "share of the subjects of each class in the fixed test part",
     .low = 0,
     .high = 1,
     .below_high = true},
    {.name = "folds",
     .group = "split",
     .member = [](RunOptions& o) -> Member { return &o.split.folds; },
     .help = "folds of the rest",
     .low = 2,
     .high = kMostFolds},
    {.name = "split-seed",
     .group = "split",
     .member = [](RunOptions& o) -> Member { return &o.split.seed; },
     .help = "of the order in which subjects are dealt"},
    {.name = "arch",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.arch; },
     .help = "b0 to b7, lite0 to lite4",
     .check = [](const std::string& name) { architecture(name); },
     .recorded = "arch"},
    {.name = "weights",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.weights; },
     .help = "checkpoint to start from; without it weights are drawn",
     .recorded = "weights",
     .record = weights_file},
    {.name = "from",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.from; },
     .help = "family of the checkpoint: auto, torchvision, timm, timm-tf, efficientnet-pytorch, tensorflow",
     .check = check_family,
     .recorded = "from",
     .record = [](const TrainOptions& o) { return o.weights.empty() ? std::string("none") : o.from; }},
    {.name = "ema",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.ema; },
     .help = "start from the checkpoint's averaged weights (EMA, SWA, a teacher) instead of the plain ones",
     .recorded = "ema",
     .record = [](const TrainOptions& o) { return yes_no(o.ema); }},
    {.name = "head",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.head; },
     .help = "linear, or concat-pool: fast.ai's, largest and mean values, two linear layers with batch norm and dropout",
     .check = check_head,
     .recorded = "head"},
    {.name = "dropout",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.dropout; },
     .help = "before the classifier",
     .high = 0.999,
     .recorded = "dropout"},
    {.name = "drop-connect",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.drop_connect; },
     .help = "of the last block; earlier blocks less, linearly",
     .high = 0.999,
     .recorded = "drop_connect"},
    {.name = "bn-momentum",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.bn_momentum; },
     .help = "weight of a batch in the running statistics; 0: the weights' own",
     .high = 1,
     .recorded = "bn_momentum",
     .record = [](const TrainOptions& o) { return o.bn_momentum > 0 ? shortest(o.bn_momentum) : "as the weights'"; }},
    {.name = "first-conv",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.first_conv; },
     .help = "one input channel: replicate (three times, as RGB), sum or extend (one-channel network)",
     .check = [](const std::string& name) { first_conv_from_name(name); },
     .recorded = "first_conv"},
    {.name = "freeze",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.freeze; },
     .help = "keep the weights and statistics of everything up to: none, stem, stage0 to stage6, head",
     .check = [](const std::string& part) { frozen_parts(part); },
     .recorded = "freeze"},
    {.name = "unfreeze-at",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.unfreeze_at; },
     .help = "first epoch in which nothing is frozen any more; 0: never",
     .high = 100000,
     .recorded = "unfreeze_at"},
    {.name = "train-frozen-norm",
     .group = "network",
     .member = [](RunOptions& o) -> Member { return &o.train.train_frozen_norm; },
     .help = "batch norm of frozen parts trains all the same, as in fast.ai",
     .recorded = "train_frozen_norm",
     .record = [](const TrainOptions& o) { return yes_no(o.train_frozen_norm); }},
};

}  // namespace

std::span<const OptionRow> network_rows() { return kRows; }

}  // namespace vitrine
