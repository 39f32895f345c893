#include "train/cross_validation.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "layers/cudnn/run.h"
#include "tensor/cuda/blas.h"
#include "tensor/cuda/candidates.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "train/choice.h"
#include "train/control.h"
#include "train/trainer.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> without(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  std::vector<std::string> rest;
  for (const std::string& name : all) {
    if (std::find(some.begin(), some.end(), name) == some.end()) rest.push_back(name);
  }
  return rest;
}

// What a fold is trained with: of folds that are trained at the same time each has a device of its own.
TrainOptions options_of_fold(const TrainOptions& given, int jobs) {
  TrainOptions options = given;
  if (jobs > 1) options.more_devices.clear();
  return options;
}

// A network has five strides of two.
void check_sizes(const Manifest& manifest, const Dataset& all) {
  for (const Tensor& image : all.images) {
    if (image.shape()[0] < 32 || image.shape()[1] < 32)
      throw DataError(text(manifest.path, ": a crop has ", image.shape()[0], " x ", image.shape()[1],
                           " pixels, at least 32 x 32 are needed"));
  }
}

std::optional<MeanSd> over(const std::vector<Metrics>& folds,
                           const std::function<std::optional<double>(const Metrics&)>& value) {
  std::vector<double> values;
  for (const Metrics& m : folds) {
    if (const auto v = value(m)) values.push_back(*v);
  }
  return mean_sd(values);
}

Json mean_sd_json(const std::optional<MeanSd>& v) {
  if (!v) return Json();
  return {{"mean", v->mean}, {"sd", v->count > 1 ? Json(v->sd) : Json()}, {"folds", v->count}};
}

Json part_json(const PartSummary& part) {
  Json out = Json::object();
  out["accuracy"] = mean_sd_json(part.accuracy);
  out["auc"] = mean_sd_json(part.auc);
  out["classes"] = Json::array();
  for (const ClassSummary& c : part.classes) {
    out["classes"].push_back({{"name", c.name},
                              {"precision", mean_sd_json(c.precision)},
                              {"recall", mean_sd_json(c.recall)},
                              {"f1", mean_sd_json(c.f1)}});
  }
  return out;
}

std::string cell(const std::optional<double>& value) { return value ? shortest(*value) : "n/a"; }

void append_rows(std::string& csv, std::size_t fold, const std::string& part, const Metrics& m) {
  for (const ClassMetrics& c : m.classes) {
    csv += csv_line({std::to_string(fold), part, c.name, std::to_string(c.support), cell(c.precision), cell(c.recall),
                     cell(c.f1), shortest(m.accuracy), cell(m.auc)});
  }
}

RunResult summarized(std::vector<FoldFiles> folds) {
  RunResult result;
  std::vector<Metrics> validation, test;
  for (const FoldFiles& fold : folds) {
    validation.push_back(metrics_of(fold.validation, fold.classes));
    test.push_back(metrics_of(fold.test, fold.classes));
  }
  result.validation = summarize(validation);
  result.test = summarize(test);
  result.folds = std::move(folds);
  return result;
}

void write_summary(const std::filesystem::path& run, const RunResult& result) {
  std::string csv = csv_line({"fold", "part", "class", "support", "precision", "recall", "f1", "accuracy", "auc"});
  for (std::size_t fold = 0; fold < result.folds.size(); ++fold) {
    append_rows(csv, fold, "validation", metrics_of(result.folds[fold].validation, result.folds[fold].classes));
    if (result.folds[fold].test.empty()) continue;  // of a search's trial, or a split without a test part
    append_rows(csv, fold, "test", metrics_of(result.folds[fold].test, result.folds[fold].classes));
  }
  write_file(run / "summary.csv", csv);
  Json json = Json::object();
  json["validation"] = part_json(result.validation);
  json["test"] = part_json(result.test);
  write_file(run / "summary.json", json_text(json));
}

// What was chosen for this run's shapes, by the processes before and by this one, after each fold: folds may be trained side by side.
void write_plans(const std::filesystem::path& run, Device device) {
  if (!device.is_gpu() || cuda::settings().tier == cuda::Tier::portable) return;
  constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  cuda::make_current(device);
  const std::filesystem::path file = run / "plans.txt";
  std::string lines = path_exists(file) ? read_file(file, kMostBytes) : "";
  std::set<std::string> known;
  std::istringstream before(lines);
  for (std::string line; std::getline(before, line);) known.insert(line);
  for (const std::vector<std::string>& all : {cuda::candidate_plans(), cuda::cudnn::plans(), cuda::product_plans()}) {
    for (const std::string& line : all) {
      if (known.insert(line).second) lines += line + "\n";
    }
  }
  write_file(file, lines);
}

// train(i, options) for i < count, `jobs` at a time, on the devices of `options` in turn. The failure of the lowest i is thrown when all
// that were under way have ended; none is begun after a failure.
void train_side_by_side(std::size_t count, int jobs, const TrainOptions& options,
                        const std::function<void(std::size_t, const TrainOptions&)>& train) {
  std::vector<Device> devices{options.device};
  devices.insert(devices.end(), options.more_devices.begin(), options.more_devices.end());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::vector<std::exception_ptr> failures(count);
  const auto work = [&](std::size_t job) {
    TrainOptions here = options;
    here.device = devices[job % devices.size()];
    here.more_devices.clear();
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      try {
        train(i, here);
      } catch (...) {
        failures[i] = std::current_exception();
        failed = true;
      }
    }
  };
  std::vector<std::jthread> threads;
  try {
    for (std::size_t job = 1; job < std::min(count, static_cast<std::size_t>(jobs)); ++job) threads.emplace_back(work, job);
  } catch (const std::system_error&) {  // no more threads: those that there are do the work
  } catch (...) {
    failed = true;
    throw;
  }
  work(0);
  threads.clear();
  for (const std::exception_ptr& failure : failures) {
    if (failure != nullptr) std::rethrow_exception(failure);
  }
}

// Of every fold before the first is trained: each class is trained on, and where an AUC chooses, the part that it is of has two.
void check_classes(const Manifest& manifest, const Splits& splits, const TrainOptions& options) {
  const std::map<std::string, std::string> labels = manifest.labels();
  const auto classes_of = [&](const std::vector<std::string>& subjects) {
    std::set<std::string> found;
    for (const std::string& subject : subjects) found.insert(labels.at(subject));
    return found;
  };
  const bool nested = is_nested(options.select);
  for (std::size_t f = 0; f < splits.folds.size(); ++f) {
    const Fold& fold = splits.folds[f];
    const std::set<std::string> trained = classes_of(nested ? without(fold.train, fold.inner) : fold.train);
    for (const std::string& name : manifest.classes()) {
      if (!trained.contains(name))
        throw DataError(text(splits.path, ": fold ", f, " would train on no subject of the class '", printable(name, 40), "'",
                             nested ? " beside its inner part" : "", "; make the split again with `vitrine split`"));
    }
    const bool chooses = select_from_name(options.select) != Select::last && monitor_from_name(options.monitor) == Monitor::auc;
    if (chooses && classes_of(nested ? fold.inner : fold.validation).size() < 2)
      throw DataError(
          text(splits.path, ": --monitor auc chooses by the ", nested ? "inner" : "validation", " part of fold ", f,
               ", which has subjects of one class alone; its AUC does not exist; take another --monitor, or fewer --folds"));
  }
}

}  // namespace

PartSummary summarize(const std::vector<Metrics>& folds) {
  PartSummary part;
  part.accuracy = over(folds, [](const Metrics& m) { return m.count > 0 ? std::optional(m.accuracy) : std::nullopt; });
  part.auc = over(folds, [](const Metrics& m) { return m.auc; });
  const std::size_t classes = folds.empty() ? 0 : folds.front().classes.size();
  for (std::size_t c = 0; c < classes; ++c) {
    part.classes.push_back({folds.front().classes[c].name,
                            over(folds, [c](const Metrics& m) { return m.classes[c].precision; }),
                            over(folds, [c](const Metrics& m) { return m.classes[c].recall; }),
                            over(folds, [c](const Metrics& m) { return m.classes[c].f1; })});
  }
  return part;
}

void check_run(const Manifest& manifest, const Splits& splits, const TrainOptions& given, const fs::path& run,
               std::optional<int> only_fold, int jobs) {
  check(given);
  if (jobs < 1) throw UsageError(text("--jobs is ", jobs, ", expected at least 1"));
  if (given.device.is_gpu() && jobs > 1 + static_cast<int>(given.more_devices.size()))
    throw UsageError(text("--jobs is ", jobs, ", expected at most the number of --devices, ", 1 + given.more_devices.size(),
                          ": a GPU trains one fold at a time"));
  const auto count = static_cast<int>(splits.folds.size());
  if (only_fold && (*only_fold < 0 || *only_fold >= count)) {
    throw UsageError(text("--fold is ", *only_fold, ", the split has the folds 0 to ", count - 1));
  }
  const TrainOptions options = options_of_fold(given, jobs);
  const InputConfiguration inputs = input_configuration(options.inputs);
  check_distinct_images(manifest);
  const Dataset all = load_dataset(manifest, manifest.subjects(), inputs);
  if (all.images.empty()) throw DataError(text(manifest.path, ": ", left_out(all, inputs), "; no crop is left to train on"));
  check_sizes(manifest, all);
  starting_network(options, static_cast<int>(manifest.classes().size()));
  if (is_nested(options.select)) {
    for (std::size_t f = 0; f < splits.folds.size(); ++f) {
      if (splits.folds[f].inner.empty())
        throw DataError(text(splits.path, ": --select ", options.select, " needs inner parts, fold ", f,
                             " has none; make the split again with `vitrine split`; each class needs two training subjects"));
    }
  }
  check_classes(manifest, splits, options);
  refuse_foreign(run);
  for (const char* name : {"summary.csv", "summary.json", "plans.txt"}) check_plain_file(run / name);
  check_claim(run, splits, options);
}

FoldData fold_data(const Manifest& manifest, const Splits& splits, const TrainOptions& options, int fold) {
  if (fold < 0 || fold >= static_cast<int>(splits.folds.size()))
    throw UsageError(text("--fold is ", fold, ", the split has the folds 0 to ", splits.folds.size() - 1));
  const InputConfiguration inputs = input_configuration(options.inputs);
  const Control control = control_from_name(options.control);
  const auto load = [&](const std::vector<std::string>& subjects, bool predicts) {
    Dataset data = load_dataset(manifest, subjects, inputs);
    apply(control, splits, options.seed, predicts, data);
    return data;
  };
  const Fold& part = splits.folds[static_cast<std::size_t>(fold)];
  const bool nested = is_nested(options.select), refit = select_from_name(options.select) == Select::nested_refit;
  return {load(nested ? without(part.train, part.inner) : part.train, false), load(part.validation, true),
          load(splits.test, true), nested ? load(part.inner, true) : Dataset{}, refit ? load(part.train, false) : Dataset{}};
}

RunResult cross_validate(const Manifest& manifest, const Splits& splits, const TrainOptions& given,
                         const std::filesystem::path& run, std::optional<int> only_fold, Progress& progress, int jobs) {
  check_run(manifest, splits, given, run, only_fold, jobs);
  const TrainOptions options = options_of_fold(given, jobs);
  const auto count = static_cast<int>(splits.folds.size());
  const InputConfiguration inputs = input_configuration(options.inputs);
  if (const std::string rest = left_out(load_dataset(manifest, manifest.subjects(), inputs), inputs); !rest.empty())
    progress.warn(rest);
  const Settings pairs = run_identity(splits, options);
  claim_folder(run, pairs, manifest, splits);
  const std::string config = settings_json(pairs);
  std::vector<int> wanted;
  for (int fold = 0; fold < count; ++fold) {
    if (!only_fold || fold == *only_fold) wanted.push_back(fold);
  }
  std::vector<FoldFiles> folds(wanted.size());
  const auto train = [&](std::size_t i, const TrainOptions& here) {
    check_interrupt("cross-validation");
    check_still_claimed(run, pairs);
    const FoldData data = fold_data(manifest, splits, here, wanted[i]);
    const std::string title = text(options.inputs, "  fold ", wanted[i] + 1, "/", count);
    folds[i] = train_fold(data, here, run / text("fold_", wanted[i]), fold_key(config, wanted[i]), title, progress);
    write_plans(run, here.device);
  };
  if (jobs > 1) {
    train_side_by_side(wanted.size(), jobs, given, train);
  } else {
    for (std::size_t i = 0; i < wanted.size(); ++i) train(i, options);
  }
  check_still_claimed(run, pairs);
  RunResult result = summarized(std::move(folds));
  if (!only_fold) write_summary(run, result);
  return result;
}

namespace {

RunResult read_folds(const fs::path& run, bool finished_only) {
  std::vector<FoldFiles> folds;
  std::vector<int> numbers;
  const std::string config = settings_json(read_run_options(run));
  for (int fold = 0; fold < kMostFolds; ++fold) {
    const fs::path folder = run / text("fold_", fold);
    if (!path_exists(folder) && !finished_only) break;
    check_interrupt("reading a run");
    if (!fold_is_finished(folder, fold_key(config, fold)) && finished_only) continue;  // or it is of another run or place
    folds.push_back(read_fold(folder));
    if (folds.back().classes != folds.front().classes)
      throw DataError(text(folder, ": its tables have other classes (prob_ columns) than the first's; they are of two runs"));
    numbers.push_back(fold);
  }
  if (folds.empty()) throw DataError(text(run, " holds no finished fold; run `vitrine cv` first"));
  RunResult result = summarized(std::move(folds));
  result.numbers = std::move(numbers);
  return result;
}

}  // namespace

RunResult read_run(const fs::path& run) { return read_folds(run, false); }
RunResult read_run_so_far(const fs::path& run) { return read_folds(run, true); }

RunPredictions predictions_of(const std::string& name, const RunResult& run) {
  RunPredictions predictions{name, run.folds.front().classes, {}};
  for (std::size_t i = 0; i < run.folds.size(); ++i)
    predictions.folds.push_back(
        {run.folds[i].validation, run.folds[i].test, i < run.numbers.size() ? run.numbers[i] : static_cast<int>(i)});
  return predictions;
}

}  // namespace vitrine
