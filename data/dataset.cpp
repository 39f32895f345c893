#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxCrop = std::uint64_t{64} << 20;

std::vector<std::string> split_names(const std::string& names, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : names) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

TensorFile read_crop(const std::filesystem::path& path, const Sample& sample) {
  try {
    const std::string bytes = read_file(path, kMaxCrop);
    if (!sample.sha256.empty() && sha256(bytes) != sample.sha256) {
      throw DataError(
          text(path.string(), ": its SHA-256 is not the manifest's; the crop was changed, run `vitrine mri prep` again"));
    }
    return parse_safetensors(bytes, path.string());
  } catch (const FileError& error) {
    throw DataError(text(error.what(), " (sample ", sample.sample_id, ")"));
  } catch (const WeightsError& error) {
    throw DataError(error.what());  // here the file is data
  }
}

// The wanted channels of a crop, three of them: a single one is shown three times.
Tensor chosen_channels(const TensorFile& crop, const std::filesystem::path& path, const InputConfiguration& inputs) {
  const StoredTensor* stored = crop.find("image");
  if (stored == nullptr) throw DataError(text(path.string(), ": the tensor 'image' is missing"));
  const Shape& s = stored->shape;
  const auto metadata = crop.metadata.find("channels");
  const std::vector<std::string> names = split_names(metadata == crop.metadata.end() ? "" : metadata->second, ',');
  if (s.rank() != 3 || s[0] < 1 || s[1] < 1 || s[2] != static_cast<std::int64_t>(names.size())) {
    throw DataError(text(path.string(), ": 'image' has shape ", s.text(), ", expected [H, W, ", names.size(),
                         "] by its metadata 'channels'"));
  }
  std::vector<std::size_t> wanted;
  for (const std::string& channel : inputs.channels) {
    const auto found = std::find(names.begin(), names.end(), channel);
    if (found == names.end())
      throw DataError(text(path.string(), ": the channel '", channel, "' is missing, the crop has ", metadata->second));
    wanted.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  const Tensor all = stored->to_float();
  Tensor image = Tensor::uninitialized({s[0], s[1], 3});
  const auto out = image.mutable_host();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float v = all.host()[i / 3 * names.size() + wanted[i % 3 % wanted.size()]];
    if (!std::isfinite(v)) throw DataError(text(path.string(), ": 'image' holds a value that is not finite"));
    out[i] = v;
  }
  return image;
}

}  // namespace

InputConfiguration input_configuration(const std::string& name) {
  const auto& known = input_configuration_names();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw UsageError(text("--inputs is '", name, "'; choose t1c, flair, t2 or t1c+flair+t2"));
  }
  return {name, split_names(name, '+')};
}

const std::vector<std::string>& input_configuration_names() {
  static const std::vector<std::string> names = {"t1c", "flair", "t2", "t1c+flair+t2"};
  return names;
}

Dataset load_dataset(const Manifest& manifest, const std::vector<std::string>& subjects, const InputConfiguration& inputs) {
  Dataset data;
  data.classes = manifest.classes();
  const std::set<std::string> wanted(subjects.begin(), subjects.end());
  for (const Sample& sample : manifest.samples) {
    if (!wanted.contains(sample.subject_id)) continue;
    const std::filesystem::path path = manifest.path.parent_path() / sample.file;
    Tensor image = chosen_channels(read_crop(path, sample), path, inputs);
    if (!data.images.empty() && !(image.shape() == data.images.front().shape())) {
      throw DataError(text(path.string(), ": the crop is ", image.shape().text(), ", the ones before ",
                           data.images.front().shape().text()));
    }
    data.images.push_back(std::move(image));
    data.labels.push_back(
        static_cast<int>(std::find(data.classes.begin(), data.classes.end(), sample.label) - data.classes.begin()));
    data.samples.push_back(sample);
  }
  return data;
}

}  // namespace vitrine
