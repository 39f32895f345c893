#include "data/dataset.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/names.h"
#include "base/sha256.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxCrop = std::uint64_t{64} << 20;
constexpr float kMostOutside = 1e-3f;  // of a crop's values beyond 0 and 1: resampling by another tool

TensorFile read_crop(const std::filesystem::path& path, const Sample& sample) {
  try {
    const std::string bytes = read_file(path, kMaxCrop);
    if (!sample.sha256.empty() && sha256(bytes) != sample.sha256) {
      throw DataError(
          text(path, ": its SHA-256 is not the manifest's; the crop was changed or damaged, run `vitrine mri prep` again"));
    }
    return parse_safetensors(bytes, shown(path));
  } catch (const FileError& error) {
    throw DataError(text(error.what(), " (sample ", printable(sample.sample_id), ")"));
  } catch (const WeightsError& error) {
    throw DataError(error.what());  // here the file is data
  }
}

const StoredTensor& image_of(const TensorFile& crop, const std::filesystem::path& path) {
  const StoredTensor* stored = crop.find("image");
  if (stored == nullptr) throw DataError(text(path, ": the tensor 'image' is missing"));
  return *stored;
}

std::vector<std::string> named_in(const TensorFile& crop, const std::string& key) {
  const auto found = crop.metadata.find(key);
  return split_at(found == crop.metadata.end() ? "" : found->second, ',');
}

// The names of the channels of 'image', as many as it has.
std::vector<std::string> channel_names(const TensorFile& crop, const std::filesystem::path& path) {
  const Shape& s = image_of(crop, path).shape;
  const std::vector<std::string> names = named_in(crop, "channels");
  if (s.rank() != 3 || s[0] < 1 || s[1] < 1 || s[2] != static_cast<std::int64_t>(names.size())) {
    throw DataError(
        text(path, ": 'image' has shape ", s.text(), ", expected [H, W, ", names.size(), "] by its metadata 'channels'"));
  }
  return names;
}

// The wanted channels of a crop, three of them: a single one is shown three times. Nothing when the crop says that it has not all of them.
std::optional<Tensor> chosen_channels(const TensorFile& crop, const std::filesystem::path& path,
                                      const InputConfiguration& inputs) {
  const std::vector<std::string> names = channel_names(crop, path), without = named_in(crop, "without");
  std::vector<std::size_t> wanted;
  for (const std::string& channel : inputs.channels) {
    const auto found = std::find(names.begin(), names.end(), channel);
    wanted.push_back(static_cast<std::size_t>(found - names.begin()));
    if (found != names.end()) continue;
    if (std::find(without.begin(), without.end(), channel) != without.end()) return std::nullopt;
    throw DataError(
        text(path, ": the channel '", channel, "' is missing, the crop has ", printable(crop.metadata.at("channels"))));
  }
  const StoredTensor& stored = image_of(crop, path);
  const Shape& s = stored.shape;
  const Tensor all = stored.to_float();
  Tensor image = Tensor::uninitialized({s[0], s[1], 3});
  const auto out = image.mutable_host();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float v = all.host()[i / 3 * names.size() + wanted[i % 3 % wanted.size()]];
    if (!(v >= -kMostOutside && v <= 1 + kMostOutside))
      throw DataError(text(path, ": 'image' holds the value ", v, ", finite numbers from 0 to 1 are expected"));
    out[i] = v;
  }
  return image;
}

// Of each channel's pixels. A channel without any content says nothing about whose it is, and is left out.
std::vector<std::string> channel_hashes(const Tensor& image) {
  const std::size_t channels = image.shape().rank() == 3 ? static_cast<std::size_t>(image.shape()[2]) : 1;
  std::vector<std::string> hashes;
  std::vector<float> channel(static_cast<std::size_t>(image.size()) / std::max<std::size_t>(1, channels));
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < channel.size(); ++p) channel[p] = image.host()[p * channels + c];
    if (std::all_of(channel.begin(), channel.end(), [&](float v) { return v == channel.front(); })) continue;
    Sha256 digest;
    digest.update(text(image.shape()[0], " "));
    digest.update({reinterpret_cast<const char*>(channel.data()), channel.size() * sizeof(float)});
    hashes.push_back(digest.hex());
  }
  return hashes;
}

}  // namespace

InputConfiguration input_configuration(const std::string& name) {
  const auto& known = input_configuration_names();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw UsageError(text("--inputs is '", name, "'; choose t1c, flair, t2 or t1c+flair+t2"));
  }
  return {name, split_at(name, '+')};
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
    const TensorFile crop = read_crop(path, sample);
    const std::optional<Tensor> chosen = chosen_channels(crop, path, inputs);
    if (!chosen) {
      data.without.push_back(sample);
      continue;
    }
    const Tensor& image = *chosen;
    const auto found = crop.metadata.find("orientation");
    const std::string orientation = found == crop.metadata.end() ? std::string() : found->second;
    if (data.images.empty()) data.orientation = orientation;
    if (!data.images.empty() && !(image.shape() == data.images.front().shape())) {
      throw DataError(
          text(path, ": the crop is ", image.shape().text(), ", the ones before ", data.images.front().shape().text()));
    }
    if (orientation != data.orientation) {
      throw DataError(text(path, ": the crop's orientation is '", printable(orientation), "', that of the ones before '",
                           printable(data.orientation), "'; prepare all of them with one version"));
    }
    data.images.push_back(image);
    data.labels.push_back(
        static_cast<int>(std::find(data.classes.begin(), data.classes.end(), sample.label) - data.classes.begin()));
    data.samples.push_back(sample);
  }
  return data;
}

std::string left_out(const Dataset& data, const InputConfiguration& inputs) {
  if (data.without.empty()) return {};
  std::vector<std::string> subjects;
  for (const Sample& s : data.without) {
    if (std::find(subjects.begin(), subjects.end(), s.subject_id) == subjects.end()) subjects.push_back(s.subject_id);
  }
  constexpr std::size_t kMostNamed = 5;
  std::string named;
  for (std::size_t i = 0; i < std::min(subjects.size(), kMostNamed); ++i) named += (i > 0 ? ", " : "") + printable(subjects[i]);
  if (subjects.size() > kMostNamed) named += ", ...";
  return text("inputs ", inputs.name, ": ", data.without.size(), data.without.size() == 1 ? " crop" : " crops", " of ",
              subjects.size(), subjects.size() == 1 ? " subject" : " subjects", " left out, which lack a series of it (", named,
              ")");
}

CropChannels load_crop(const Manifest& manifest, const Sample& sample) {
  const std::filesystem::path path = manifest.path.parent_path() / sample.file;
  const TensorFile crop = read_crop(path, sample);
  const std::vector<std::string> names = channel_names(crop, path);
  const Tensor all = image_of(crop, path).to_float();
  CropChannels result{all.shape()[0], all.shape()[1], {}};
  for (std::size_t c = 0; c < names.size(); ++c) {
    std::vector<float> values(static_cast<std::size_t>(result.height * result.width));
    for (std::size_t p = 0; p < values.size(); ++p) values[p] = all.host()[p * names.size() + c];
    result.channels.emplace_back(names[c], std::move(values));
  }
  return result;
}

std::string channel_title(const std::string& name) {
  return name == "t1c" ? "T1c" : name == "flair" ? "FLAIR" : name == "t2" ? "T2" : name;
}

void check_distinct_images(const Manifest& manifest) {
  std::map<std::string, const Sample*> seen;  // by the hash of a channel's pixels
  for (const Sample& sample : manifest.samples) {
    check_interrupt("comparing crops");
    const std::filesystem::path path = manifest.path.parent_path() / sample.file;
    const TensorFile crop = read_crop(path, sample);
    for (const std::string& hash : channel_hashes(image_of(crop, path).to_float())) {
      const auto [found, is_new] = seen.emplace(hash, &sample);
      if (is_new || found->second->subject_id == sample.subject_id) continue;
      throw DataError(text(manifest.path, ": the crops '", printable(found->second->sample_id), "' and '",
                           printable(sample.sample_id), "' show the same image under the subjects '",
                           printable(found->second->subject_id), "' and '", printable(sample.subject_id),
                           "'; one patient must not lie in two parts"));
    }
  }
}

}  // namespace vitrine
