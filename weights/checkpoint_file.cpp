#include "weights/checkpoint_file.h"

#include "weights/safetensors.h"
#include "weights/tensorflow_file.h"
#include "weights/tensorflow_index.h"
#include "weights/torch_file.h"

namespace vitrine {

Container container_of(std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04")) return Container::torch_zip;
  // PROTO 2, LONG1 of ten bytes: no safetensors header can be as long as these bytes would announce.
  if (bytes.starts_with("\x80\x02\x8a\x0a")) return Container::torch_legacy;
  return Container::safetensors;
}

TensorFile parse_checkpoint(const ByteSource& source, std::string_view file_name) {
  switch (container_of(source.head(4))) {
    case Container::torch_zip: return parse_torch_zip(source, file_name);
    case Container::torch_legacy: return parse_torch_legacy(source, file_name);
    case Container::safetensors: break;
  }
  return parse_safetensors(source, file_name);
}

TensorFile read_checkpoint(const std::filesystem::path& path) {
  // TensorFlow's tools name a checkpoint by the common part of its files' names.
  std::error_code none;
  const std::filesystem::path index = path.string() + ".index";
  const bool prefix = !std::filesystem::exists(path, none) && std::filesystem::exists(index, none);
  const ByteSource source = ByteSource::file(prefix ? index : path);
  if (is_tensorflow_index(source)) return read_tensorflow(prefix ? index : path);
  return parse_checkpoint(source, path.string());
}

}  // namespace vitrine
