#include "weights/checkpoint_file.h"

#include "base/error.h"
#include "base/file.h"
#include "weights/safetensors.h"
#include "weights/tensorflow_file.h"
#include "weights/tensorflow_index.h"
#include "weights/torch_file.h"

namespace vitrine {

Container container_of(const ByteSource& source) {
  const std::string head = source.head(16);
  if (head.starts_with("PK\x03\x04")) return Container::torch_zip;
  // No safetensors header can be as long as these bytes would announce.
  if (is_torch_legacy(head)) return Container::torch_legacy;
  return is_tensorflow_index(source) ? Container::tensorflow : Container::safetensors;
}

std::string_view container_name(Container container) {
  switch (container) {
    case Container::torch_zip: return "PyTorch zip";
    case Container::torch_legacy: return "PyTorch legacy stream";
    case Container::tensorflow: return "TensorFlow checkpoint (figures of its index)";
    case Container::safetensors: break;
  }
  return "safetensors";
}

std::filesystem::path checkpoint_path(const std::filesystem::path& path) {
  const std::filesystem::path index = path.string() + ".index";
  return !path_exists(path) && path_exists(index) ? index : path;
}

std::vector<std::filesystem::path> files_of_checkpoint(const std::filesystem::path& path) {
  const std::filesystem::path file = checkpoint_path(path);
  std::vector<std::filesystem::path> files{file};
  if (file.extension() != ".index") return files;
  const std::string shards = file.stem().string() + ".data-";
  for (const std::filesystem::path& entry : entries_of(file.has_parent_path() ? file.parent_path() : ".")) {
    if (entry.filename().string().starts_with(shards)) files.push_back(entry);
  }
  return files;
}

TensorFile parse_checkpoint(const ByteSource& source, std::string_view file_name, WeightSet wanted) {
  switch (container_of(source)) {
    case Container::torch_zip: return parse_torch_zip(source, wanted, file_name);
    case Container::torch_legacy: return parse_torch_legacy(source, wanted, file_name);
    case Container::tensorflow:
      throw WeightsError(text(file_name, ": a TensorFlow index without the shards beside it; pass its path"));
    case Container::safetensors: break;
  }
  return take_network(parse_safetensors(source, file_name), wanted, file_name);
}

TensorFile read_checkpoint(const std::filesystem::path& path, WeightSet wanted) {
  const std::filesystem::path file = checkpoint_path(path);
  const ByteSource source = ByteSource::file(file);
  if (container_of(source) != Container::tensorflow) return parse_checkpoint(source, shown(file), wanted);
  TensorFile all = read_tensorflow(file);
  if (wanted == WeightSet::averaged && !all.metadata.contains("averages"))
    throw WeightsError(text(file, ": --ema asks for averaged weights, the checkpoint has no moving averages; leave --ema out"));
  return take_network(std::move(all), WeightSet::plain, shown(file));
}

}  // namespace vitrine
