// From a run, or a checkpoint with a manifest, to the samples that are explained.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/noted_manifest.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/math.h"
#include "train/control.h"
#include "train/cross_validation.h"
#include "train/run_source.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kMostSamples = 1000, kBatch = 16;

// Of a run's options; DataError when it is none.
std::string option_of(const std::vector<std::pair<std::string, std::string>>& options, const fs::path& run,
                      std::string_view name) {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  throw DataError(text(run, ": its config.json has no ", name, "; it is not a run's folder"));
}

std::int64_t number_of(const std::vector<std::pair<std::string, std::string>>& options, const fs::path& run,
                       std::string_view name) {
  std::int64_t value = 0;
  const std::string word = option_of(options, run, name);
  if (!parse_number(word, value) || value < 0)
    throw DataError(text(run, ": ", name, " in its config.json is '", printable(word, 20), "', a number is expected"));
  return value;
}

EfficientNet network_of(const std::string& file) {
  CheckpointCommand checkpoint;
  checkpoint.file = file;
  return load_checkpoint(checkpoint);
}

bool is_finished(const fs::path& run, int fold) { return path_exists(run / text("fold_", fold) / "fold.json"); }

std::vector<int> folds_of(const ExplainRequest& request, const fs::path& run, int count) {
  if (request.fold) {
    if (*request.fold < 0 || *request.fold >= count)
      throw UsageError(text("--fold is ", *request.fold, ", expected 0 to ", count - 1, ", the folds of ", run));
    if (!is_finished(run, *request.fold))
      throw DataError(text(run, ": fold ", *request.fold, " is not finished (no fold.json in fold_", *request.fold, ")"));
    return {*request.fold};
  }
  std::vector<int> finished;
  for (int fold = 0; fold < count; ++fold) {
    if (is_finished(run, fold)) finished.push_back(fold);
  }
  if (finished.empty()) throw DataError(text(run, " holds no finished fold; run `vitrine cv` first"));
  if (static_cast<int>(finished.size()) < count)
    note(text(run, ": ", finished.size(), " of ", count, " folds are finished; the samples of the others are not looked at"));
  return finished;
}

ExplainSource source_of_run(const ExplainRequest& request) {
  const fs::path run = request.source;
  if (!request.manifest.empty())
    throw UsageError("--manifest belongs to a checkpoint; a run says itself which manifest it was made from");
  check_is_run(run);
  const auto options = read_run_options(run);
  const bool test = request.part.value_or("val") == "test";
  const std::vector<int> folds = folds_of(request, run, static_cast<int>(number_of(options, run, "folds")));
  ExplainSource source;
  RunData data = read_run_data(run);
  note_remarks(data.manifest);
  source.manifest = std::move(data.manifest);
  source.splits = std::move(data.splits);
  source.inputs = option_of(options, run, "inputs");
  for (const auto& [name, value] : options) {
    if (name == "control") source.control = value;  // not there: none
  }
  source.seed = static_cast<std::uint64_t>(number_of(options, run, "seed"));
  source.where =
      text("the ", test ? "test" : "validation", " part of ", request.fold ? text("fold ", *request.fold, " of ") : "", run);
  source.elsewhere = text(request.fold ? "leave out --fold, or " : "", test ? "leave out --part test" : "pass --part test");
  for (const int fold : folds) {
    const fs::path folder = run / text("fold_", fold);
    FoldFiles files = read_fold(folder);
    if (!source.classes.empty() && source.classes != files.classes)
      throw DataError(text(folder, ": its tables have other classes (prob_ columns) than the fold before"));
    source.classes = files.classes;
    for (Prediction& p : test ? files.test : files.validation) source.candidates.push_back({fold, std::move(p)});
    source.networks.emplace(fold, network_of((folder / "best.safetensors").string()));
  }
  return source;
}

// The samples of a checkpoint's manifest with what the network says of them: those that are named, or all.
void predict_candidates(ExplainSource& source, const SampleChoice& choice) {
  std::vector<Candidate> candidates;
  for (const Sample& s : source.manifest.samples) {
    const auto label = std::ranges::find(source.classes, s.label);
    if (label == source.classes.end())
      throw DataError(text(source.manifest.path, ": the label '", printable(s.label, 40), "' of the sample '", s.sample_id,
                           "' is no class of the network"));
    const bool named = std::ranges::find(choice.ids, s.sample_id) != choice.ids.end();
    if (choice.kind == SampleChoice::Kind::named && !named) continue;
    const auto index = static_cast<int>(label - source.classes.begin());
    candidates.push_back({-1, {s.sample_id, s.subject_id, s.lesion_id, s.slice, index, {}}});
  }
  if (candidates.empty()) return;
  const std::vector<std::vector<double>> said = predict(source.networks.at(-1), images_of(source, candidates), kBatch);
  for (std::size_t i = 0; i < said.size(); ++i) candidates[i].prediction.probability = said[i];
  source.candidates = std::move(candidates);
}

ExplainSource source_of_checkpoint(const ExplainRequest& request) {
  if (request.fold || request.part)
    throw UsageError(
        text(request.fold ? "--fold" : "--part", " belongs to a run's folder; ", fs::path(request.source), " is a checkpoint"));
  if (request.manifest.empty())
    throw UsageError(text("which crops ", fs::path(request.source), " is shown is not said; pass --manifest"));
  ExplainSource source;
  EfficientNet net = network_of(request.source);
  const TrainedOn& trained = net.trained_on;
  if (!trained.on_crops() || trained.inputs.empty() || trained.class_names.empty())
    throw WeightsError(text(fs::path(request.source),
                            " does not say the inputs and classes of the crops that it was trained on; a checkpoint of "
                            "`vitrine train` or `vitrine cv` does"));
  source.inputs = trained.inputs;
  source.classes = trained.class_names;
  source.networks.emplace(-1, std::move(net));
  source.manifest = read_noted_manifest(request.manifest);
  source.where = source.manifest.path.string();
  predict_candidates(source, request.samples);
  return source;
}

// `id` is not among the candidates.
[[noreturn]] void refuse_sample(const std::string& id, const ExplainSource& source) {
  std::vector<std::string> known;
  for (const Sample& s : source.manifest.samples) {
    if (s.sample_id == id)
      throw UsageError(text("the sample '", printable(id, 64), "' is not in ", source.where, "; ", source.elsewhere));
    known.push_back(s.sample_id);
  }
  const std::string nearest = nearest_name(id, known);
  throw UsageError(text("the sample '", printable(id, 64), "' is not in ", source.manifest.path,
                        nearest.empty() ? text("; its first one is '", known.front(), "'") : text("; is it '", nearest, "'?")));
}

}  // namespace

SampleChoice sample_choice(const std::string& words) {
  SampleChoice choice;
  const std::size_t colon = words.find(':');
  if (colon == std::string::npos) {
    std::set<std::string> seen;
    for (const std::string& word : split_at(words, ',')) {
      const std::string id(trimmed(word));
      if (id.empty())
        throw UsageError("--samples has an empty name; expected top-losses:9, wrong:9 or names of samples with commas between");
      if (!seen.insert(id).second) throw UsageError(text("--samples has '", printable(id, 64), "' twice"));
      choice.ids.push_back(id);
    }
    if (choice.ids.size() > static_cast<std::size_t>(kMostSamples))
      throw UsageError(text("--samples names ", choice.ids.size(), " samples, at most ", kMostSamples, " are expected"));
    return choice;
  }
  const std::string kind = words.substr(0, colon);
  if (kind != "top-losses" && kind != "wrong")
    throw UsageError(text("--samples is '", printable(words, 40), "', expected top-losses:9, wrong:9 or names of samples"));
  choice.kind = kind == "wrong" ? SampleChoice::Kind::wrong : SampleChoice::Kind::top_losses;
  std::int64_t count = 0;
  if (!parse_number(words.substr(colon + 1), count) || count < 1 || count > kMostSamples)
    throw UsageError(
        text("--samples is '", printable(words, 40), "', expected a number from 1 to ", kMostSamples, " after '", kind, ":'"));
  choice.count = static_cast<int>(count);
  return choice;
}

int Candidate::predicted() const {
  const std::vector<double>& p = prediction.probability;
  return static_cast<int>(std::max_element(p.begin(), p.end()) - p.begin());
}

double Candidate::loss() const { return -log_portable(prediction.probability[static_cast<std::size_t>(prediction.label)]); }

ExplainSource explain_source(const ExplainRequest& request) {
  const fs::path path = request.source;
  if (is_folder(path)) return source_of_run(request);
  const std::string flaw = path_flaw(path);
  if (!flaw.empty()) throw DataError(text(path, " ", flaw, "; the folder of a run or a checkpoint is expected"));
  return source_of_checkpoint(request);
}

std::vector<Candidate> chosen_candidates(const SampleChoice& choice, const ExplainSource& source) {
  std::vector<Candidate> ordered = source.candidates;
  std::ranges::stable_sort(ordered, [](const Candidate& a, const Candidate& b) { return a.loss() > b.loss(); });
  std::set<std::string> seen;
  std::erase_if(ordered, [&](const Candidate& c) { return !seen.insert(c.prediction.sample_id).second; });
  if (choice.kind == SampleChoice::Kind::named) {
    std::vector<Candidate> named;
    for (const std::string& id : choice.ids) {
      const auto found = std::ranges::find_if(ordered, [&](const Candidate& c) { return c.prediction.sample_id == id; });
      if (found == ordered.end()) refuse_sample(id, source);
      named.push_back(*found);
    }
    return named;
  }
  const bool wrong = choice.kind == SampleChoice::Kind::wrong;
  if (wrong) std::erase_if(ordered, [](const Candidate& c) { return c.predicted() == c.prediction.label; });
  if (ordered.empty()) throw DataError(text("no sample of ", source.where, wrong ? " is predicted wrongly" : " is there"));
  const auto count = static_cast<std::size_t>(choice.count);
  if (ordered.size() < count)
    note(text(source.where, " has ", ordered.size(), wrong ? " wrong" : "", " samples; all of them are shown"));
  ordered.resize(std::min(ordered.size(), count));
  return ordered;
}

std::vector<Tensor> images_of(const ExplainSource& source, const std::vector<Candidate>& candidates) {
  std::map<std::string, const Sample*> samples;
  for (const Sample& s : source.manifest.samples) samples.emplace(s.sample_id, &s);
  Manifest shown{source.manifest.path, {}, {}};
  for (const Candidate& c : candidates) {
    const auto found = samples.find(c.prediction.sample_id);
    if (found == samples.end())
      throw DataError(text("the sample '", c.prediction.sample_id, "' of ", source.where, " is not in ", source.manifest.path));
    shown.samples.push_back(*found->second);
  }
  const InputConfiguration inputs = input_configuration(source.inputs);
  Dataset data = load_dataset(shown, shown.subjects(), inputs);
  if (!data.without.empty())
    throw DataError(text("the sample '", data.without.front().sample_id, "' lacks a series of ", source.inputs));
  if (source.splits) apply(control_from_name(source.control), *source.splits, source.seed, true, data);
  std::map<std::string, Tensor> images;
  for (std::size_t i = 0; i < data.samples.size(); ++i) images.emplace(data.samples[i].sample_id, data.images[i]);
  std::vector<Tensor> ordered;
  for (const Candidate& c : candidates) ordered.push_back(images.at(c.prediction.sample_id));
  return ordered;
}

}  // namespace vitrine::cli
