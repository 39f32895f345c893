// The folder of a run that has not begun: what `vitrine cv` writes before its first step, for tests of what its batches are made of.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "base/settings_file.h"
#include "base/sha256.h"
#include "base/version.h"
#include "data/split.h"
#include "tests/cli/crops.h"
#include "train/cross_validation.h"

namespace vitrine::testing {

// Settings as train/cross_validation.cpp puts them together: check_is_of says whether they are.
inline void write_untrained_run(const std::filesystem::path& run, const Splits& splits, const TrainOptions& options) {
  std::filesystem::create_directories(run);
  std::string parts;
  for (const std::string& s : splits.test) parts += s + "\n";
  for (const Fold& fold : splits.folds) {
    parts += "--\n";
    for (const std::string& s : fold.validation) parts += s + "\n";
    parts += "-\n";
    for (const std::string& s : fold.inner) parts += s + "\n";
  }
  Settings all{{"version", std::string(version())}};
  for (auto& pair : describe(options)) all.push_back(pair);
  all.emplace_back("manifest_sha256", splits.manifest_sha256);
  all.emplace_back("split_seed", std::to_string(splits.seed));
  all.emplace_back("folds", std::to_string(splits.folds.size()));
  all.emplace_back("split_sha256", sha256(parts));
  write_file(run / "config.json", settings_json(all));
  write_file(run / "source.json", "{\"manifest\": \"../m/manifest.csv\", \"splits\": \"../splits.json\"}\n");
}

// Crops of 64 x 64 in m/, a split of them in splits.json.
class UntrainedRun : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("vitrine-audit-" + std::to_string(::getpid()) + "-" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder);
    make();
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void make(int crops = 2) {
    manifest = write_crops(folder / "m", {.subjects = 12, .crops = crops, .size = 40});
    manifest = read_manifest(manifest.path);
    splits = make_splits(manifest, {.test_fraction = 0.2, .folds = 2});
    write_file(folder / "splits.json", splits_json(splits));
  }
  static TrainOptions options() {
    TrainOptions o;
    o.arch = "lite0";
    o.epochs = 3;
    o.batch_size = 5;
    return o;
  }
  std::filesystem::path run(const TrainOptions& o, const std::string& name = "run") const {
    write_untrained_run(folder / name, splits, o);
    return folder / name;
  }

  std::filesystem::path folder;
  Manifest manifest;
  Splits splits;
};

}  // namespace vitrine::testing
