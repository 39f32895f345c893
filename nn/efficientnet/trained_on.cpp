#include "nn/efficientnet/trained_on.h"

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "base/json.h"
#include "base/names.h"
#include "base/number.h"
#include "nn/efficientnet/imagenet_classes.h"

namespace vitrine {
namespace {

constexpr const char *kNames = "vitrine.class_names", *kInputs = "vitrine.inputs", *kOrientation = "vitrine.orientation",
                     *kCrop = "vitrine.crop";
constexpr std::int64_t kLargestSize = 8192;  // pixels

std::string value_of(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string() : found->second;
}

std::vector<std::string> names_of(const std::string& value, std::int64_t classes, const std::string& file) {
  if (value.empty()) return {};
  if (value.front() !=
      '[') {  // files of before 2026-11-25 joined the names by commas; names that hold one cannot be told apart there
    std::vector<std::string> names = split_at(value, ',');
    return static_cast<std::int64_t>(names.size()) == classes ? names : std::vector<std::string>();
  }
  std::vector<std::string> names;
  try {
    names = texts_in({{kNames, parse_json(value)}}, kNames);
  } catch (const std::runtime_error& error) {
    throw WeightsError(text(file, ": the metadata '", kNames, "': ", error.what()));
  }
  if (static_cast<std::int64_t>(names.size()) != classes)
    throw WeightsError(
        text(file, ": the metadata '", kNames, "' has ", names.size(), " names, the network ", classes, " classes"));
  return names;
}

}  // namespace

std::vector<std::string> shown_class_names(const TrainedOn& trained, std::int64_t classes) {
  std::vector<std::string> names = trained.class_names;
  for (std::string& name : names) {
    if (!label_flaw(name).empty()) name = printable(name);  // of a file from anywhere
  }
  return names.empty() && classes == 1000 ? imagenet_classes() : names;
}

void write_trained_on(const TrainedOn& trained, std::map<std::string, std::string>& metadata) {
  if (!trained.class_names.empty()) metadata[kNames] = Json(trained.class_names).dump();
  if (!trained.inputs.empty()) metadata[kInputs] = trained.inputs;
  if (!trained.orientation.empty()) metadata[kOrientation] = trained.orientation;
  if (trained.on_crops()) metadata[kCrop] = text(trained.height, " x ", trained.width);
}

TrainedOn read_trained_on(const std::map<std::string, std::string>& metadata, std::int64_t classes, const std::string& file) {
  TrainedOn trained;
  trained.class_names = names_of(value_of(metadata, kNames), classes, file);
  trained.inputs = value_of(metadata, kInputs);
  trained.orientation = value_of(metadata, kOrientation);
  const std::string crop = value_of(metadata, kCrop);
  if (crop.empty()) return trained;
  const std::size_t times = crop.find(" x ");
  const auto size = [](std::string_view digits, std::int64_t& value) {
    return parse_number(digits, value) && value >= 1 && value <= kLargestSize;
  };
  if (times == std::string::npos || !size(std::string_view(crop).substr(0, times), trained.height) ||
      !size(std::string_view(crop).substr(times + 3), trained.width))
    throw WeightsError(
        text(file, ": the metadata '", kCrop, "' is '", printable(crop), "', a size such as 64 x 64 is expected"));
  return trained;
}

}  // namespace vitrine
