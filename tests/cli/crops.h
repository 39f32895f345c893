// Crops on disk that a network can be trained on, for the tests that run the program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/output.h"
#include "base/sha256.h"
#include "data/manifest.h"
#include "tensor/philox.h"
#include "weights/safetensors.h"

namespace vitrine::testing {

struct CropsOptions {
  int subjects = 8;  // half of each class
  int crops = 1;     // of each subject
  std::int64_t size = 32;
  std::vector<std::string> labels{"NSCLC", "SCLC"};
};

// A crop whose class shows in its brightness.
inline TensorFile drawn_crop(int subject, int crop, std::size_t label, const CropsOptions& o) {
  Tensor image = Tensor::uninitialized({o.size, o.size, 3});
  const Draw draw{.seed = 11, .sample = static_cast<std::uint32_t>(subject * 64 + crop)};
  const auto values = image.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0.3f * static_cast<float>(label) + 0.4f * draw.uniform_float(static_cast<std::uint32_t>(i));
  TensorFile file;
  file.tensors.push_back(StoredTensor::from("image", image));
  file.metadata = {{"channels", "t1c,flair,t2"}, {"orientation", "LP"}};
  return file;
}

// Writes crops and manifest.csv into `folder`, which is made.
inline Manifest write_crops(const std::filesystem::path& folder, const CropsOptions& o = {}) {
  std::filesystem::create_directories(folder / "crops");
  Manifest manifest;
  manifest.path = folder / "manifest.csv";
  for (int subject = 0; subject < o.subjects; ++subject) {
    const std::size_t label = static_cast<std::size_t>(subject) % o.labels.size();
    for (int crop = 0; crop < o.crops; ++crop) {
      Sample s;
      s.subject_id = "S" + std::to_string(subject + 1);
      s.sample_id = s.subject_id + "_l1_s" + std::to_string(crop);
      s.lesion_id = 1;
      s.slice = crop;
      s.label = o.labels[label];
      s.file = "crops/" + s.sample_id + ".safetensors";
      s.side_mm = 20;
      const std::string bytes = safetensors_bytes(drawn_crop(subject, crop, label, o));
      s.sha256 = sha256(bytes);
      write_file(folder / s.file, bytes);
      manifest.samples.push_back(std::move(s));
    }
  }
  write_manifest(manifest);
  return manifest;
}

}  // namespace vitrine::testing
