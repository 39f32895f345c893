#include "audit/place.h"

#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

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

std::string key_of_fold(const fs::path& file) {
  try {
    return text_in(parse_json(read_file(file, kMostText)), "key");
  } catch (const std::runtime_error& error) {
    throw DataError(text(file, ": ", error.what(), "; the fold's last file was changed or damaged"));
  }
}

}  // namespace

void check_place(const fs::path& folder, const Identity& identity, bool finished) {
  const fs::path run = run_of(folder);
  if (run.empty() || identity.is_prediction || identity.fold < 0) return;
  const fs::path fold = run / text("fold_", identity.fold);
  const fs::path place = audit_folder(fold, identity.part == "whole");
  if (place.filename() != fs::absolute(folder).lexically_normal().filename())
    throw DataError(text(folder, ": its run.json is that of ", place.filename(), "; audits were swapped, copied or renamed"));
  const fs::path last = fold / "fold.json";
  if (!path_exists(last)) return;
  if (key_of_fold(last) != identity.key)
    throw DataError(text(folder, ": is the audit of another training than ", fold, " was made by; it was copied here"));
  if (!finished)
    throw DataError(
        text(folder, ": ", fold, " is finished, but there is no MANIFEST.json; the end of the audit was taken away"));
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
