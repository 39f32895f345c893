// The JSON header of a safetensors file, checked while it is read: nothing that the limits refuse is ever stored.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_file.h"

namespace vitrine {

struct SafetensorsEntry {
  std::string name;
  DType type = DType::f32;
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  std::size_t rank = 0;
  std::uint64_t begin = 0;  // byte offsets relative to the end of the header
  std::uint64_t end = 0;

  std::span<const std::int64_t> shape() const { return std::span(sizes).first(rank); }
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // as the header lists them
  std::map<std::string, std::string> metadata;
};

// The header lies from byte `begin` to byte `end` of `source`. WeightsError on malformed JSON, a control character, a duplicate key, a
// missing or unknown field, a number that is not a plain non-negative integer, an unknown dtype, and beyond the limits: 65,536 tensors,
// names of 512 bytes, rank 8, 16 MiB of metadata.
SafetensorsHeader parse_safetensors_header(const ByteSource& source, std::uint64_t begin, std::uint64_t end,
                                           std::string_view file_name);

}  // namespace vitrine
