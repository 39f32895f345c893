// A fold that trains in a second, for the tests of training and of what it leaves on disk.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/sha256.h"
#include "tensor/philox.h"
#include "train/trainer.h"

namespace vitrine::testing {

namespace fs = std::filesystem;

// Two classes that differ in the brightness of a disc: learnable in a few steps.
inline Dataset discs(int count, std::uint32_t seed) {
  Dataset data;
  data.classes = {"NSCLC", "SCLC"};
  for (int i = 0; i < count; ++i) {
    const int label = i % 2;
    const Draw draw{.seed = seed, .sample = static_cast<std::uint32_t>(i)};
    Tensor image = Tensor::uninitialized({32, 32, 3});
    const auto values = image.mutable_host();
    for (std::size_t p = 0; p < values.size(); ++p) {
      const double y = static_cast<double>(p / 3 / 32) - 15.5, x = static_cast<double>(p / 3 % 32) - 15.5;
      const double disc = x * x + y * y < 80 ? (label == 1 ? 0.9 : 0.2) : 0.5;
      values[p] = static_cast<float>(disc + 0.05 * draw.uniform(static_cast<std::uint32_t>(p), -1, 1));
    }
    data.images.push_back(image);
    data.labels.push_back(label);
    const std::string id = "s" + std::to_string(seed) + "-" + std::to_string(i);
    data.samples.push_back({id, id, 1, i, data.classes[static_cast<std::size_t>(label)], "", "", 0, ""});
  }
  return data;
}

inline FoldData small_fold() { return {discs(12, 1), discs(6, 2), discs(4, 3)}; }

inline TrainOptions small_options() {
  TrainOptions options;
  options.arch = "b0";
  options.epochs = 3;
  options.batch_size = 8;
  options.seed = 5;
  options.keeping.save_seconds = 0;  // a state for every epoch, for the tests that stop in between
  return options;
}

inline fs::path fresh_folder(const std::string& name) {
  const fs::path folder = fs::temp_directory_path() / ("vitrine-trainer-" + name + "-" + std::to_string(::getpid()));
  fs::remove_all(folder);
  return folder;
}

inline std::string hash_of(const fs::path& folder) {
  std::string all;
  for (const char* name : {"history.csv", "preds_val.csv", "preds_test.csv", "best.safetensors", "fold.json"}) {
    all += sha256(read_file(folder / name, 1u << 28));
  }
  return all;
}

}  // namespace vitrine::testing
