// Subject-level, stratified splits: a fixed test part, then k folds of the rest. Images of a subject never lie in two parts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace vitrine {

struct Fold {
  std::vector<std::string> train;  // subject ids
  std::vector<std::string> validation;
  std::vector<std::string>
      inner;  // some of `train`: what the choice of the epoch sees with --select nested, and is not trained on then
};

// What a search sees of a split: some of its folds, without its test part until the choice is made.
struct SplitPart {
  std::vector<int> folds;  // numbers of the whole split; empty: all
  bool test = false;
};

struct Splits {
  std::filesystem::path path;  // where they were read from or are kept
  std::uint64_t seed = 0;
  double test_fraction = 0.1;
  std::string manifest_sha256;    // of the manifest file that was split
  std::vector<std::string> test;  // subject ids
  std::vector<Fold> folds;
  std::map<std::string, std::string> labels;  // of each subject
  std::optional<SplitPart> part;              // these are so much of the split in `path`; nothing: all of it
};

inline constexpr int kMostFolds = 1000;

struct SplitOptions {
  double test_fraction = 0.1;
  int folds = 5;
  std::uint64_t seed = 42;
};

// Share of a fold's training subjects of each class that form its inner part; at least one, none of a class with a single one.
inline constexpr double kInnerFraction = 0.2;

// Each class's subjects are put in a drawn order (Purpose::split); the first round(n * test_fraction), at least one, of them
// form the test part, and the rest are dealt to the folds in turn, the deal of a class starting where the last one stopped, so
// fold sizes differ by at most one. DataError when a class has fewer subjects than folds + 1 ("class absent from a fold").
Splits make_splits(const Manifest& manifest, const SplitOptions& options);

std::string splits_json(const Splits& splits);
// DataError when the file is malformed, when a subject is unknown, missing or in two parts, or when the manifest has changed
// since, naming subjects that came, went or have another class. A file of an older version has no inner parts.
Splits read_splits(const std::filesystem::path& path, const Manifest& manifest);

// The part of a split, and the samples that it may see: without a test part those of the other subjects. UsageError when there is no such fold;
// DataError when a subject of the test part lies in a fold as well, or a class has no other subjects.
Splits part_of(const Splits& splits, const SplitPart& part);
Manifest part_of(const Manifest& manifest, const Splits& splits, const SplitPart& part);

}  // namespace vitrine
