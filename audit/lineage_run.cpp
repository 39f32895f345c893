#include "audit/lineage_run.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/version.h"
#include "data/sampler.h"
#include "nn/efficientnet/semantics.h"
#include "train/choice.h"
#include "train/control.h"
#include "train/cross_validation.h"
#include "train/device/host_training.h"
#include "train/option_table.h"
#include "train/run_source.h"
#include "train/trainer.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

// What the batches of a run depend on, by the names of config.json.
constexpr std::array<const char*, 21> kDeciding{"arch",
                                                "inputs",
                                                "first_conv",
                                                "epochs",
                                                "batch_size",
                                                "mixup",
                                                "mixup_mode",
                                                "balance",
                                                "augmentation",
                                                "rotate_degrees",
                                                "zoom",
                                                "warp",
                                                "affine_probability",
                                                "lighting",
                                                "lighting_probability",
                                                "flip",
                                                "seed",
                                                "select",
                                                "control",
                                                "weights",
                                                "head"};

const std::string& setting(const Settings& settings, const std::string& name, const fs::path& run) {
  for (const auto& [key, value] : settings) {
    if (key == name) return value;
  }
  throw DataError(text(run / "config.json", ": '", name, "' is missing; it is not a run's folder"));
}

// The options whose text in config.json is not what a command line would give.
void take_described(const Settings& settings, const fs::path& run, TrainOptions& o) {
  const std::string& balance = setting(settings, "balance", run);
  o.balance = balance == "none" ? Balance::none : Balance::oversample;
  constexpr std::string_view kBy = "oversample by ";
  if (balance.starts_with(kBy)) o.oversample_by = balance.substr(kBy.size());
  o.augmentation = setting(settings, "augmentation", run) == "yes";
  const std::string& weights = setting(settings, "weights", run);
  o.weights = weights == "none" ? "" : weights;
  for (const std::string& select : select_names()) {
    for (const char* monitor : {"accuracy", "auc", "loss", "f1"}) {
      if (description(select_from_name(select), monitor_from_name(monitor)) != setting(settings, "select", run)) continue;
      o.select = select;
      o.monitor = monitor;
    }
  }
}

// DataError where config.json says something that describe would not say of these options.
void check_understood(const Settings& settings, const fs::path& run, const TrainOptions& options) {
  const Settings described = describe(options);
  for (const char* name : kDeciding) {
    const std::string &said = setting(settings, name, run), &understood = setting(described, name, run);
    if (said != understood)
      throw DataError(text(run / "config.json", ": ", name, " is ", printable(said, 60), ", which was understood as ",
                           understood, "; it is not a run's folder of this version"));
  }
}

// From the network that the fold has made, or that it starts from.
Semantics semantics_of(const fs::path& run, int fold, const TrainOptions& options, std::size_t classes) {
  const fs::path folder = run / text("fold_", fold);
  for (const char* name : {"best.safetensors", "last.safetensors", "last-before.safetensors"}) {
    const fs::path path = folder / name;
    if (path_exists(path)) return read_semantics(read_safetensors(path).metadata, architecture(options.arch), shown(path));
  }
  if (options.weights.empty()) return starting_network(options, static_cast<int>(classes)).semantics;
  throw DataError(text(folder, " holds no network yet, and that of ", options.weights,
                       ", from which it starts, decides how pixels become inputs; wait for the first saved state"));
}

bool lacks_series(const Manifest& manifest, const Sample& sample, const InputConfiguration& inputs) {
  const fs::path path = manifest.path.parent_path() / sample.file;
  try {
    const TensorFile crop = read_safetensors(path);
    const auto without = crop.metadata.find("without");
    if (without == crop.metadata.end()) return false;
    const std::vector<std::string> names = split_at(without->second, ',');
    return std::any_of(inputs.channels.begin(), inputs.channels.end(),
                       [&](const std::string& c) { return std::find(names.begin(), names.end(), c) != names.end(); });
  } catch (const WeightsError& error) {
    throw DataError(error.what());  // here the file is data
  }
}

// load_dataset without the images.
Dataset samples_of(const LineageRun& run, const std::vector<std::string>& subjects) {
  Dataset data;
  data.classes = run.manifest.classes();
  const InputConfiguration inputs = input_configuration(run.options.inputs);
  const std::set<std::string> wanted(subjects.begin(), subjects.end());
  for (const Sample& sample : run.manifest.samples) {
    if (!wanted.contains(sample.subject_id)) continue;
    if (lacks_series(run.manifest, sample, inputs)) {
      data.without.push_back(sample);
      continue;
    }
    data.labels.push_back(
        static_cast<int>(std::find(data.classes.begin(), data.classes.end(), sample.label) - data.classes.begin()));
    data.samples.push_back(sample);
  }
  return data;
}

std::vector<int> order_of(const LineageRun& run, int epoch) {
  return epoch_order(run.train.labels, static_cast<int>(run.train.classes.size()), balance_of(run.options), run.options.seed,
                     static_cast<std::uint32_t>(epoch));
}

}  // namespace

TrainOptions deciding_options(const fs::path& run) {
  const Settings settings = read_run_options(run);
  if (const std::string& made_by = setting(settings, "version", run); made_by != version())
    throw DataError(text(run, " was made by version ", printable(made_by, 20), ", this is ", version(),
                         "; use that version, whose arithmetic the run has"));
  RunOptions options;
  take_described(settings, run, options.train);
  for (const OptionRow& row : option_rows()) {
    const bool decides =
        row.recorded != nullptr && row.record == nullptr && std::string_view(row.recorded) != "select" &&
        std::any_of(kDeciding.begin(), kDeciding.end(), [&](const char* n) { return n == std::string_view(row.recorded); });
    if (!decides || std::string_view(row.recorded) == "balance") continue;
    try {
      assign(row, options, setting(settings, row.recorded, run));
    } catch (const UsageError& error) {
      throw DataError(text(run / "config.json", ": ", error.what()));
    }
  }
  check_understood(settings, run, options.train);
  return options.train;
}

std::vector<std::string> trained_subjects(const Fold& fold, const TrainOptions& options) {
  if (select_from_name(options.select) != Select::nested) return fold.train;
  std::vector<std::string> rest;
  for (const std::string& subject : fold.train) {
    if (std::find(fold.inner.begin(), fold.inner.end(), subject) == fold.inner.end()) rest.push_back(subject);
  }
  return rest;
}

LineageRun read_lineage_run(const fs::path& folder, int fold) {
  LineageRun run;
  RunData data = read_run_data(folder);
  run.folder = folder;
  run.manifest = std::move(data.manifest);
  run.splits = std::move(data.splits);
  run.fold = fold;
  const auto folds = static_cast<int>(run.splits.folds.size());
  if (fold < 0 || fold >= folds) throw UsageError(text("--fold is ", fold, ", the split has the folds 0 to ", folds - 1));
  run.options = deciding_options(folder);
  if (select_from_name(run.options.select) == Select::nested_refit)
    throw DataError(
        text(folder, " was trained with --select nested-refit, each fold twice; lineage follows the batches of one training"));
  run.semantics = semantics_of(folder, fold, run.options, run.manifest.classes().size());
  run.train = samples_of(run, trained_subjects(run.splits.folds[static_cast<std::size_t>(fold)], run.options));
  if (run.train.samples.empty()) throw DataError(text(folder, ": fold ", fold, " has no crop to train on"));
  apply(control_from_name(run.options.control), run.splits, run.options.seed, false, run.train);
  const auto visited = static_cast<std::int64_t>(order_of(run, 1).size());
  run.steps_per_epoch = (visited + run.options.batch_size - 1) / run.options.batch_size;
  run.steps = run.steps_per_epoch * run.options.epochs;
  return run;
}

LineageBatch batch_of_step(const LineageRun& run, std::int64_t step) {
  if (step < 0 || step >= run.steps)
    throw UsageError(text("--step is ", step, ", fold ", run.fold, " of ", run.folder, " has the steps 0 to ", run.steps - 1,
                          " (", run.options.epochs, " epochs of ", run.steps_per_epoch, ")"));
  LineageBatch batch;
  batch.step = step;
  batch.epoch = static_cast<int>(step / run.steps_per_epoch) + 1;
  batch.step_of_epoch = step % run.steps_per_epoch;
  const auto size = static_cast<std::size_t>(run.options.batch_size);
  batch.first = static_cast<std::size_t>(batch.step_of_epoch) * size;
  const std::vector<int> visit = order_of(run, batch.epoch);
  batch.count = std::min(visit.size() - batch.first, size);
  Manifest needed{run.manifest.path, {}, {}};
  std::map<int, int> place;  // in `data` of an index into the training part; the manifest's order is kept
  for (std::size_t n = 0; n < batch.count; ++n) place[visit[batch.first + n]] = 0;
  std::vector<std::string> subjects;
  for (auto& [index, at] : place) {
    at = static_cast<int>(needed.samples.size());
    needed.samples.push_back(run.train.samples[static_cast<std::size_t>(index)]);
    subjects.push_back(needed.samples.back().subject_id);
  }
  batch.data = load_dataset(needed, subjects, input_configuration(run.options.inputs));
  apply(control_from_name(run.options.control), run.splits, run.options.seed, false, batch.data);
  batch.data.classes = run.train.classes;
  batch.data.labels.clear();
  for (const auto& [index, at] : place) batch.data.labels.push_back(run.train.labels[static_cast<std::size_t>(index)]);
  batch.order.assign(visit.size(), 0);
  for (std::size_t n = 0; n < batch.count; ++n) {
    batch.slots.push_back(place.at(visit[batch.first + n]));
    batch.order[batch.first + n] = batch.slots.back();
  }
  return batch;
}

Batch inputs_of(const LineageRun& run, const LineageBatch& batch) {
  return training_batch(batch.data, batch.order, batch.first, run.semantics, run.options,
                        static_cast<std::uint32_t>(batch.epoch));
}

}  // namespace vitrine
