#include "base/json.h"

#include <set>
#include <stdexcept>

#include "base/error.h"
#include "base/sha256.h"

namespace vitrine {
namespace {

constexpr std::string_view kSeal = "sha256";

[[noreturn]] void refuse(std::string_view key, const Json& found, const std::string& expected) {
  const std::string value = found.is_structured() ? std::string(found.type_name()) : printable(found.dump(-1, ' ', true), 40);
  throw std::runtime_error(text("'", printable(key), "' is ", value, ", ", expected, " is expected"));
}

}  // namespace

Json parse_json(std::string_view bytes, const JsonLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    throw std::runtime_error(text("JSON of ", bytes.size(), " bytes, at most ", limits.max_bytes, " are allowed"));
  }
  // The parser takes a NUL for the end of its input.
  if (const std::size_t nul = bytes.find('\0'); nul != bytes.npos)
    throw std::runtime_error(text("JSON holds a NUL byte at byte ", nul));
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::size_t values = 0;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > limits.max_depth) {
      throw std::runtime_error(text("JSON nests deeper than the ", limits.max_depth, " levels allowed"));
    }
    values += event == Json::parse_event_t::key ? 3 : 1;
    if (values > limits.max_values) throw std::runtime_error(text("JSON of more than ", limits.max_values, " values"));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw std::runtime_error(text("JSON has the duplicate key \"", printable(value.get<std::string>()), "\""));
    }
    if (event == Json::parse_event_t::key && keys.back().size() > limits.max_keys)
      throw std::runtime_error(text("JSON has an object of more than ", limits.max_keys, " keys"));
    return true;
  };
  try {
    return Json::parse(bytes.begin(), bytes.end(), watch);
  } catch (const nlohmann::json::parse_error& error) {
    throw std::runtime_error(text("JSON is malformed at byte ", error.byte));
  } catch (const nlohmann::json::exception&) {  // a number beyond the range of a double
    throw std::runtime_error("JSON holds a number that is too large");
  }
}

const Json& member(const Json& object, std::string_view key) {
  if (!object.is_object()) throw std::runtime_error(text("an object with '", key, "' is expected, it is ", object.type_name()));
  const auto found = object.find(std::string(key));
  if (found == object.end()) throw std::runtime_error(text("'", key, "' is missing"));
  return *found;
}

std::int64_t integer_in(const Json& object, std::string_view key, std::int64_t low, std::int64_t high) {
  const Json& value = member(object, key);
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX)
                                               : value.is_number_integer();
  if (!fits || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
    refuse(key, value, text("a whole number from ", low, " to ", high));
  return value.get<std::int64_t>();
}

std::uint64_t unsigned_in(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_number_unsigned()) refuse(key, value, "a whole number from 0 to 18446744073709551615");
  return value.get<std::uint64_t>();
}

double number_in(const Json& object, std::string_view key, double low, double high) {
  const Json& value = member(object, key);
  if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high))
    refuse(key, value, text("a number from ", low, " to ", high));
  return value.get<double>();
}

std::string text_in(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_string()) refuse(key, value, "a text");
  return value.get<std::string>();
}

std::vector<std::string> texts_in(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_array()) refuse(key, value, "a list of texts");
  std::vector<std::string> out;
  for (const Json& item : value) {
    if (!item.is_string()) refuse(key, item, "a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::string sealed_json_text(Json object) {
  object[std::string(kSeal)] = sha256(json_text(object));
  return json_text(object);
}

Json parse_sealed_json(std::string_view bytes, const JsonLimits& limits) {
  Json object = parse_json(bytes, limits);
  const std::string seal = text_in(object, kSeal);
  object.erase(std::string(kSeal));
  if (seal != sha256(json_text(object)))
    throw std::runtime_error("it was changed since it was written: its SHA-256 is another one");
  return object;
}

std::string json_text(const Json& value) {
  try {
    return value.dump(2) + "\n";
  } catch (const nlohmann::json::exception&) {
    throw DataError("a text that is to be written as JSON is not valid UTF-8; it came from a name or label of the input");
  }
}

}  // namespace vitrine
