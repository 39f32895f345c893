// What a network of Vitrine's own was trained on: written into its files, so that it is used as it was trained.
//
//   vitrine.class_names   JSON list, one name a class
//   vitrine.inputs        the channels shown: "t1c", "flair", "t2" or "t1c+flair+t2" (data/dataset.h)
//   vitrine.orientation   of the crops, where they say it (imaging/orientation.h): "LP" columns run to the patient's left, rows to posterior
//   vitrine.crop          pixels of the crops: "64 x 64", rows and columns
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct TrainedOn {
  std::vector<std::string> class_names;  // empty: unknown
  std::string inputs, orientation;       // empty: unknown
  std::int64_t height = 0, width = 0;    // of the crops; 0: not trained on crops

  bool on_crops() const { return height > 0; }
  bool one_channel() const { return !inputs.empty() && inputs.find('+') == std::string::npos; }
};

// Names to show: the file's own, made printable, else ImageNet's for 1,000 classes. Empty: unknown.
std::vector<std::string> shown_class_names(const TrainedOn& trained, std::int64_t classes);

void write_trained_on(const TrainedOn& trained, std::map<std::string, std::string>& metadata);
// WeightsError naming the key that is malformed, or whose names are not as many as `classes`.
TrainedOn read_trained_on(const std::map<std::string, std::string>& metadata, std::int64_t classes,
                          const std::string& file_name);

}  // namespace vitrine
