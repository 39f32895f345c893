// The crops of a manifest in memory, with the channels of one input configuration.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/manifest.h"
#include "tensor/tensor.h"

namespace vitrine {

// Which channels the network sees: "t1c", "flair", "t2" or "t1c+flair+t2". A single modality is replicated to three channels,
// so that weights from colour photographs fit unchanged.
struct InputConfiguration {
  std::string name;
  std::vector<std::string> channels;  // names, as in the crop's metadata
};
InputConfiguration input_configuration(const std::string& name);  // UsageError naming the known ones
const std::vector<std::string>& input_configuration_names();      // the paper's four, in its order

struct Dataset {
  std::vector<Tensor> images;   // [H, W, 3], values in [0, 1]
  std::vector<int> labels;      // index into classes
  std::vector<Sample> samples;  // same order
  std::vector<std::string> classes;
  std::string orientation;  // of the crops, as their metadata say; empty when they do not
  std::vector<Sample>
      without;  // those that say by their metadata `without` that their patient has no such series: they are not in here
};

// Loads the crops of these subjects, in manifest order. DataError naming file and tensor when a crop is missing, has another
// shape or orientation, lacks a channel without saying so, holds a value outside 0 to 1, or does not match its SHA-256.
Dataset load_dataset(const Manifest& manifest, const std::vector<std::string>& subjects, const InputConfiguration& inputs);

// How many crops of which subjects are left out of these inputs; empty when none is.
std::string left_out(const Dataset& data, const InputConfiguration& inputs);

// Every channel of one crop by its name, each of height x width values. DataError as above.
struct CropChannels {
  std::int64_t height = 0, width = 0;
  std::vector<std::pair<std::string, std::vector<float>>> channels;
};
CropChannels load_crop(const Manifest& manifest, const Sample& sample);
std::string channel_title(const std::string& name);  // "T1c" of "t1c"; another name as it is

// DataError when two subjects have an image in common, whatever their files are called: that patient could lie in two parts of a split.
void check_distinct_images(const Manifest& manifest);

}  // namespace vitrine
