// A checkpoint as the command line names it, read and built, with the notes that a user is owed on the way.
#include "base/error.h"
#include "base/file.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "nn/efficientnet/checkpoint.h"
#include "weights/checkpoint_file.h"

namespace vitrine::cli {
namespace {

// `vitrine weights verify` refuses such a file.
void warn_about_values(EfficientNet& net, const std::string& file) {
  if (const std::string flaw = flaw_of_values(net); !flaw.empty()) note(text(std::filesystem::path(file), " ", flaw));
}

// Where the command line asks for other semantics than a file of Vitrine's own says it was trained with.
void note_overrides(const CheckpointFacts& facts, const std::string& name) {
  if (!facts.own) return;
  const Semantics &said = facts.stated, &used = facts.semantics;
  std::string changes;
  const auto compare = [&](const char* what, const std::string& before, const std::string& now) {
    if (before != now) changes += text(changes.empty() ? "" : ", ", what, " ", now, " instead of ", before);
  };
  compare("padding", padding_text(said), padding_text(used));
  compare("input size", std::to_string(said.input_size), std::to_string(used.input_size));
  compare("resize", std::to_string(said.resize), std::to_string(used.resize));
  compare("interpolation", interpolation_text(said.interpolation), interpolation_text(used.interpolation));
  if (said.mean != used.mean || said.std != used.std) compare("normalisation", "its own", "that of --norm");
  if (!changes.empty())
    note(text(std::filesystem::path(name), " says otherwise: ", changes, " is used, as the command line asks"));
}

}  // namespace

void note_reading(const TensorFile& file, const std::string& name) {
  std::string all;
  for (const std::string& remark : file.remarks) all += (all.empty() ? "" : "; ") + remark;
  if (!all.empty()) note(text(std::filesystem::path(name), ": ", all));
}

void note_starting_weights(const TrainOptions& options) {
  if (!options.weights.empty()) note_reading(read_checkpoint(options.weights, weight_set(options.ema)), options.weights);
}

std::string checkpoint_of_run(const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path folder = name;
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return name;
  constexpr const char* kBest = "best.safetensors";
  if (path_exists(folder / kBest)) return (folder / kBest).string();
  for (int fold = 0; path_exists(folder / text("fold_", fold)); ++fold) {
    if (path_exists(folder / text("fold_", fold) / "fold.json")) return (folder / text("fold_", fold) / kBest).string();
  }
  throw DataError(text(folder, " holds no finished fold (fold_0 with fold.json) and no ", kBest,
                       "; name a run of `vitrine cv`, one of its folds, or a checkpoint"));
}

EfficientNet load_checkpoint(const CheckpointCommand& c) {
  const TensorFile file = read_checkpoint(c.file, weight_set(c.ema));
  note_reading(file, c.file);
  const CheckpointFacts facts = checkpoint_facts(file, {c.arch, c.from, c.semantics}, shown(c.file));
  EfficientNet net = load_efficientnet(file, facts, shown(c.file));
  warn_about_values(net, c.file);
  note_overrides(facts, c.file);
  return net;
}

}  // namespace vitrine::cli
