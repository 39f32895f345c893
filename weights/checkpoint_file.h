// Any checkpoint file that Vitrine reads: the container is decided by the first bytes and never retried with another parser.
#pragma once

#include <filesystem>
#include <string_view>

#include "weights/tensor_file.h"

namespace vitrine {

enum class Container { safetensors, torch_zip, torch_legacy };

// `PK\x03\x04` is a zip, `80 02 8a 0a` a legacy stream, anything else must be safetensors.
Container container_of(std::string_view first_bytes);

// WeightsError on any flaw; it says what a file is when it is no checkpoint (a Git LFS pointer, an HTML page, gzip).
TensorFile parse_checkpoint(const ByteSource& source, std::string_view file_name);
// Also the index of a TensorFlow checkpoint, or the common part of its files' names.
TensorFile read_checkpoint(const std::filesystem::path& path);

}  // namespace vitrine
