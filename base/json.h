// Strict JSON over nlohmann-json: duplicate keys, excess depth, size and number of values, NUL and trailing bytes are refused.
// Include it in .cpp files only: the library behind it is slow to compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

// Keys keep the order in which they were written: output is deterministic and reads as it was meant.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int max_depth = 16;
  std::size_t max_bytes = std::size_t{16} << 20;
  std::size_t max_values = 400'000;  // a key counts as three: a text of two bytes takes some eighty of memory
  std::size_t max_keys = 1024;       // of one object: a key is looked for among those before it
};

// On bad input throws std::runtime_error with one sentence (what, byte offset); the caller knows which file it was and
// rethrows as DataError or WeightsError.
Json parse_json(std::string_view text, const JsonLimits& limits = {});

// Members of an object, checked; std::runtime_error naming the key, what was found and what is expected.
const Json& member(const Json& object, std::string_view key);
std::int64_t integer_in(const Json& object, std::string_view key, std::int64_t low, std::int64_t high);
std::uint64_t unsigned_in(const Json& object, std::string_view key);  // any of 64 bits
double number_in(const Json& object, std::string_view key, double low, double high);
std::string text_in(const Json& object, std::string_view key);
std::vector<std::string> texts_in(const Json& object, std::string_view key);

// JSON that the program trusts later: its last member, `sha256`, is the SHA-256 of the text of all others, so that a changed byte is seen.
// parse_sealed_json throws std::runtime_error when it does not fit; the result is without that member.
std::string sealed_json_text(Json object);
Json parse_sealed_json(std::string_view text, const JsonLimits& limits = {});

// Two-space indent, a newline at the end, numbers as nlohmann writes them (shortest round trip, C locale). DataError for a text that is
// not UTF-8.
std::string json_text(const Json& value);

}  // namespace vitrine
