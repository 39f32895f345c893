#include "train/run_claim.h"

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"
#include "base/version.h"
#include "train/run_source.h"
#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

std::string parts_text(const Splits& splits) {
  std::string parts;
  for (const std::string& subject : splits.test) parts += subject + "\n";
  for (const Fold& fold : splits.folds) {
    parts += "--\n";
    for (const std::string& subject : fold.validation) parts += subject + "\n";
    parts += "-\n";
    for (const std::string& subject : fold.inner) parts += subject + "\n";
  }
  return parts;
}

// UsageError when the run that is there has other settings.
void check_same(const fs::path& run, const Settings& wanted) {
  check_same_settings(run, read_run_options(run), wanted, "a run with other settings",
                      "choose another folder, or --force-new to keep that one beside it under another name");
}

}  // namespace

Settings run_identity(const Splits& splits, const TrainOptions& options) {
  Settings all{{"version", std::string(version())}};
  for (auto& pair : describe(options)) all.push_back(std::move(pair));
  if (!options.weights.empty())
    all.emplace_back("weights_sha256",
                     as<WeightsError>([&] { return sha256_of_file(checkpoint_path(options.weights), kMaxCheckpointBytes); }));
  all.emplace_back("manifest_sha256", splits.manifest_sha256);
  all.emplace_back("split_seed", std::to_string(splits.seed));
  all.emplace_back("folds", std::to_string(splits.folds.size()));
  all.emplace_back("split_sha256", sha256(parts_text(splits)));
  return all;
}

Settings read_run_options(const fs::path& run) { return read_settings(run / kRunConfig, "it is not a run's folder"); }

void refuse_foreign(const fs::path& run) {
  for (const auto& [name, kind] : {std::pair{"study.json", "study"}, std::pair{"search.json", "search"}}) {
    if (path_exists(run / name))
      throw UsageError(text(run, " is the folder of a ", kind, " (", name, "); choose another folder for a run"));
  }
  for (const char* name : {"fold_0", kRunSource, "summary.json"}) {
    if (path_exists(run / name) && !path_exists(run / kRunConfig))
      throw UsageError(text(run / name, " is there, but no ", kRunConfig, " of a run; choose another folder"));
  }
}

void claim_folder(const fs::path& run, const Settings& wanted, const Manifest& manifest, const Splits& splits) {
  make_directory(run);
  refuse_foreign(run);
  if (!create_file(run / kRunConfig, settings_json(wanted))) check_same(run, wanted);
  write_source(run, manifest, splits);
}

void check_still_claimed(const fs::path& run, const Settings& wanted) {
  if (path_exists(run / kRunConfig) && read_run_options(run) == wanted) return;
  throw Error(ExitCode::runtime,
              text(run,
                   " is not this run's any more: it was moved away, or another run was begun there, while this one trained; "
                   "finished folds lie where it was moved to, and the same command on that folder goes on"));
}

void check_claim(const fs::path& run, const Splits& splits, const TrainOptions& options) {
  if (path_exists(run / kRunConfig)) check_same(run, run_identity(splits, options));
}

void check_is_run(const fs::path& run) {
  if (path_exists(run / kRunConfig)) return;
  if (path_exists(run / "study.json"))
    throw DataError(text(run, " is a study; name one of its runs, as ", run / "runs" / "t1c+flair+t2"));
  throw DataError(text(run, " is no run: it has no config.json; `vitrine cv` or `vitrine study` makes one"));
}

void check_is_of(const fs::path& run, const Splits& splits, const std::string& inputs) {
  for (const auto& [name, value] : read_run_options(run)) {
    const bool fits = name == "manifest_sha256" ? value == splits.manifest_sha256
                      : name == "split_sha256"  ? value == sha256(parts_text(splits))
                      : name == "inputs"        ? inputs.empty() || value == inputs
                                                : true;
    if (!fits)
      throw DataError(text(run, ": its ", name, " in ", kRunConfig, " is ", printable(value, 16),
                           name == "inputs" ? ", " + inputs : ", another",
                           " is expected here; it is of another run, manifest or split"));
  }
}

}  // namespace vitrine
