// source.json in a run's folder: where the crops and the split lie that it was trained on, relative to that folder.
#pragma once

#include <filesystem>

namespace vitrine::cli {

struct Source {
  std::filesystem::path manifest, splits;
};

void write_source(const std::filesystem::path& run, const Source& source);
// Paths as usable from here. DataError when the file is missing or malformed.
Source read_source(const std::filesystem::path& run);

}  // namespace vitrine::cli
