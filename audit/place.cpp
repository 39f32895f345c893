#include "audit/place.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "train/cross_validation.h"
#include "train/run_files.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostText = std::uint64_t{16} << 20;

// RUN of RUN/audit/fold_0; empty for a folder that lies elsewhere.
fs::path run_of(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  return whole.parent_path().filename() == "audit" ? whole.parent_path().parent_path() : fs::path();
}

bool is_fold(const fs::path& path) { return path.filename().string().starts_with("fold_") && is_folder(path); }

// Is it the training that the run's config.json describes? Folds of several runs put into one would have other keys.
void check_run(const fs::path& folder, const fs::path& run, const Identity& identity) {
  const fs::path config = run / "config.json";
  if (!path_exists(config)) return;
  if (fold_key(as<DataError>([&] { return read_file(config, kMostText); }), identity.fold) != identity.key)
    throw DataError(text(folder, ": is the audit of a training with other options or data than ", config,
                         " names; a fold of another run was put here, or that file was changed"));
}

std::string key_of_fold(const fs::path& file) {
  try {
    return text_in(parse_json(read_file(file, kMostText)), "key");
  } catch (const std::runtime_error& error) {
    throw DataError(text(file, ": ", error.what(), "; the fold's last file was changed or damaged"));
  }
}

// A run that has a summary has all of its folds.
void check_summary(const fs::path& run) {
  if (!path_exists(run / "summary.json") || !path_exists(run / "config.json")) return;
  std::int64_t folds = 0;
  for (const auto& [name, value] : read_run_options(run)) {
    if (name == "folds") parse_number(value, folds);
  }
  for (std::int64_t f = 0; f < std::min<std::int64_t>(folds, kMostFolds); ++f) {
    if (const fs::path fold = run / text("fold_", f); !path_exists(fold / "fold.json"))
      throw DataError(
          text(run, ": summary.json is of ", folds, " folds, and ", fold, " is not there or not finished; it was taken away"));
  }
}

}  // namespace

void check_place(const fs::path& folder, const Identity& identity, bool finished) {
  const fs::path run = run_of(folder);
  if (run.empty()) return;
  if (identity.is_prediction || identity.fold < 0) {
    if (!path_exists(run / "config.json")) return;
    throw DataError(text(folder, ": its run.json is ", identity.is_prediction ? "of a prediction" : "of no fold",
                         ", and it lies in ", run, ", which was trained; it was put here, or changed"));
  }
  const fs::path fold = run / text("fold_", identity.fold);
  const fs::path place = audit_folder(fold, identity.part == "whole");
  if (place.filename() != fs::absolute(folder).lexically_normal().filename())
    throw DataError(text(folder, ": its run.json is that of ", place.filename(), "; audits were swapped, copied or renamed"));
  check_run(folder, run, identity);
  const fs::path last = fold / "fold.json";
  if (!path_exists(last)) return;
  if (key_of_fold(last) != identity.key)
    throw DataError(text(folder, ": is the audit of another training than ", fold, " was made by; it was copied here"));
  if (!finished)
    throw DataError(
        text(folder, ": ", fold, " is finished, but there is no MANIFEST.json; the end of the audit was taken away"));
  fold_is_finished(fold, identity.key);  // its tables and its network are those that fold.json seals
}

void check_folds(const std::vector<fs::path>& folders) {
  std::set<fs::path> runs;
  for (const fs::path& folder : folders) {
    if (const fs::path run = run_of(folder); !run.empty()) runs.insert(run);
  }
  for (const fs::path& run : runs) {
    const auto trains_twice = [&](const fs::path& audit) {
      for (const auto& [name, value] : read_identity(audit / "run.json").options) {
        if (name == "select") return value == "nested-refit";
      }
      return false;
    };
    check_summary(run);
    for (const fs::path& fold : entries_of(run)) {
      if (!is_fold(fold) || !path_exists(fold / "fold.json")) continue;
      const std::string reason = "; it was trained without --audit, or its audit was taken away";
      const fs::path first = audit_folder(fold), second = audit_folder(fold, true);
      if (!is_folder(first)) throw DataError(text(fold, " is finished and has no audit", reason));
      if (trains_twice(first) && !is_folder(second))
        throw DataError(text(fold, " is finished and has no audit of its second training", reason));
    }
  }
}

}  // namespace vitrine::audit
