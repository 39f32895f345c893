// RUN/source.json: which manifest and split a run was made from, relative to RUN. A search's trial sees a part of the split: which folds, and whether
// the test part, stand there too ("folds", "test").
#pragma once

#include <filesystem>

#include "data/manifest.h"
#include "data/split.h"

namespace vitrine {

inline constexpr const char* kRunSource = "source.json";

// Nothing for data that were made in memory. Atomically; a file that says the same stays.
void write_source(const std::filesystem::path& run, const Manifest& manifest, const Splits& splits);

struct RunSource {
  std::filesystem::path manifest, splits;
  std::optional<SplitPart> part;
};
RunSource read_source(const std::filesystem::path& run);  // DataError when it is not a run's folder

// The manifest and split of a run as its training saw them; a search's trial has a part of both. They must be those that it was trained on.
struct RunData {
  Manifest manifest;
  Splits splits;
};
// DataError for what is no run's folder (a study's names its runs), and for a manifest or split that was changed since.
RunData read_run_data(const std::filesystem::path& run);

}  // namespace vitrine
