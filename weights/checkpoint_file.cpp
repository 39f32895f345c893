#include "weights/checkpoint_file.h"

#include "base/error.h"
#include "base/file.h"
#include "weights/safetensors.h"
#include "weights/tensorflow_file.h"
#include "weights/tensorflow_index.h"
#include "weights/torch_file.h"

namespace vitrine {

Container container_of(const ByteSource& source) {
  const std::string head = source.head(4);
  if (head == "PK\x03\x04") return Container::torch_zip;
  // PROTO 2, LONG1 of ten bytes: no safetensors header can be as long as these bytes would announce.
  if (head == "\x80\x02\x8a\x0a") return Container::torch_legacy;
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
  std::error_code problem;
  for (std::filesystem::directory_iterator at(file.has_parent_path() ? file.parent_path() : ".", problem), end;
       !problem && at != end; at.increment(problem)) {
    if (at->path().filename().string().starts_with(shards)) files.push_back(at->path());
  }
  return files;
}

TensorFile parse_checkpoint(const ByteSource& source, std::string_view file_name) {
  switch (container_of(source)) {
    case Container::torch_zip: return parse_torch_zip(source, file_name);
    case Container::torch_legacy: return parse_torch_legacy(source, file_name);
    case Container::tensorflow:
      throw WeightsError(text(file_name, ": a TensorFlow index without the shards beside it; pass its path"));
    case Container::safetensors: break;
  }
  return parse_safetensors(source, file_name);
}

TensorFile read_checkpoint(const std::filesystem::path& path) {
  const std::filesystem::path file = checkpoint_path(path);
  const ByteSource source = ByteSource::file(file);
  return container_of(source) == Container::tensorflow ? read_tensorflow(file) : parse_checkpoint(source, file.string());
}

}  // namespace vitrine
