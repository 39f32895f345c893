#include "weights/checkpoint_file.h"

#include "weights/safetensors.h"
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
  return parse_checkpoint(ByteSource::file(path), path.string());
}

}  // namespace vitrine
