// The recipes: named lists of option values (docs/training.md says where each is from).
#include "train/chosen_options.h"

namespace vitrine {
namespace {

using Values = std::vector<std::pair<const char*, const char*>>;

// Grossman et al. 2021, Methods; fast.ai 2 where the paper is silent, but for warp, which it does not list.
const Values kPaper{{"test-fraction", "0.1"},
                    {"folds", "5"},
                    {"arch", "b0"},
                    {"head", "linear"},
                    {"dropout", "0.2"},
                    {"drop-connect", "0.2"},
                    {"bn-momentum", "0.1"},
                    {"epochs", "100"},
                    {"batch-size", "16"},
                    {"lr", "0.001"},
                    {"schedule", "one-cycle-v2"},
                    {"optimizer", "adam"},
                    {"beta2", "0.99"},
                    {"eps", "1e-5"},
                    {"eps-before-correction", "false"},
                    {"weight-decay", "0.01"},
                    {"decay-vectors", "false"},
                    {"mixup", "0.4"},
                    {"mixup-mode", "sample"},
                    {"label-smoothing", "0"},
                    {"no-oversample", "false"},
                    {"oversample-by", "repeats"},
                    {"no-augmentation", "false"},
                    {"rotate", "10"},
                    {"zoom", "1.1"},
                    {"warp", "0"},
                    {"affine-probability", "0.75"},
                    {"lighting", "0.2"},
                    {"lighting-probability", "0.75"},
                    {"flip", "horizontal"},
                    {"select", "best"},
                    {"monitor", "accuracy"},
                    {"tta", "none"},
                    {"control", "none"}};

Values with(Values base, const Values& changes) {
  for (const auto& [name, value] : changes) {
    for (auto& [there, old] : base) {
      if (std::string_view(there) == name) old = value;
    }
  }
  return base;
}

}  // namespace

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all{
      {"paper", "Grossman et al. 2021, and fast.ai 2 where the paper is silent", kPaper},
      {"fastai-v1",
       "the same study with every default of fast.ai 1: its one-cycle, PyTorch's eps, decay of all, draws, warp, its head",
       with(kPaper, {{"schedule", "one-cycle-v1"},
                     {"eps", "1e-8"},
                     {"decay-vectors", "true"},
                     {"oversample-by", "draws"},
                     {"warp", "0.2"},
                     {"head", "concat-pool"}})},
      {"fastai-v2", "with every default of fast.ai 2: weighted draws, warp, its head",
       with(kPaper, {{"oversample-by", "draws"}, {"warp", "0.2"}, {"head", "concat-pool"}})},
      {"plain", "none of it: Adam as PyTorch's at a flat rate, no mixup, oversampling, augmentation or choice of the epoch",
       with(kPaper, {{"schedule", "flat"},
                     {"beta2", "0.999"},
                     {"eps", "1e-8"},
                     {"weight-decay", "0"},
                     {"mixup", "0"},
                     {"no-oversample", "true"},
                     {"no-augmentation", "true"},
                     {"select", "last"}})},
      {"demo", "the shortened schedule of `vitrine demo`", {{"epochs", "24"}}},
  };
  return all;
}

}  // namespace vitrine
