// Strict JSON over nlohmann-json: duplicate keys, excess depth, excess size and trailing bytes are refused.
// Include it in .cpp files only: the library behind it is slow to compile.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vitrine {

// Keys keep the order in which they were written: output is deterministic and reads as it was meant.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int max_depth = 16;
  std::size_t max_bytes = std::size_t{64} << 20;
};

// On bad input throws std::runtime_error with one sentence (what, byte offset); the caller knows which file it was and
// rethrows as DataError or WeightsError.
Json parse_json(std::string_view text, const JsonLimits& limits = {});

// Two-space indent, a newline at the end, numbers as nlohmann writes them (shortest round trip, C locale).
std::string json_text(const Json& value);

}  // namespace vitrine
