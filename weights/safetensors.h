// safetensors: an 8-byte little-endian header length, a JSON header, then the raw tensors without holes.
//
// Reference  https://github.com/huggingface/safetensors (format section of its README)
// The reader checks everything that the reference reader checks before it reserves memory (docs/design.md, section 9).
#pragma once

#include <filesystem>

#include "weights/tensor_file.h"

namespace vitrine {

// WeightsError (file, byte offset or tensor, found, expected) on any flaw, a missing file included.
TensorFile read_safetensors(const std::filesystem::path& path);
TensorFile parse_safetensors(const ByteSource& source, std::string_view file_name_for_messages);

// A file of Vitrine's own carries a checksum of its metadata and of each tensor in its metadata `vitrine.checksums`: written by
// write_sealed_safetensors, compared by the reader and whenever a tensor's bytes are read.
inline constexpr const char* kChecksums = "vitrine.checksums";
void write_sealed_safetensors(const std::filesystem::path& path, TensorFile file);
TensorFile sealed(TensorFile file);  // with the checksums in its metadata
bool is_sealed(const TensorFile& file);

// Tensors are written in the given order, aligned to 64 bytes by padding the header; atomic. FileError when it cannot write.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);
std::string safetensors_bytes(const TensorFile& file);

}  // namespace vitrine
