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

// Reads along and counts before anything is built. (The library's own callback looks through a list at the end of each object in it.)
class Watch {
 public:
  explicit Watch(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return value(); }
  bool boolean(bool) { return value(); }
  bool number_integer(std::int64_t) { return value(); }
  bool number_unsigned(std::uint64_t) { return value(); }
  bool number_float(double, const std::string&) { return value(); }
  bool string(std::string&) { return value(); }
  bool binary(std::vector<std::uint8_t>&) { return value(); }
  bool start_object(std::size_t) { return open(); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    count(3);
    if (!keys_.back().insert(name).second)
      throw std::runtime_error(text("JSON has the duplicate key \"", printable(name), "\""));
    if (keys_.back().size() > limits_.max_keys)
      throw std::runtime_error(text("JSON has an object of more than ", limits_.max_keys, " keys"));
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception& error) {
    if (dynamic_cast<const nlohmann::json::parse_error*>(&error) != nullptr)
      throw std::runtime_error(text("JSON is malformed at byte ", at));
    throw std::runtime_error("JSON holds a number that is too large");
  }

 private:
  void count(std::size_t more) {
    values_ += more;
    if (values_ > limits_.max_values) throw std::runtime_error(text("JSON of more than ", limits_.max_values, " values"));
  }
  bool value() {
    count(1);
    return true;
  }
  bool open() {
    count(1);
    keys_.emplace_back();
    if (keys_.size() > static_cast<std::size_t>(limits_.max_depth))
      throw std::runtime_error(text("JSON nests deeper than the ", limits_.max_depth, " levels allowed"));
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  std::vector<std::set<std::string>> keys_;  // of what is open
  std::size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view bytes, const JsonLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    throw std::runtime_error(text("JSON of ", bytes.size(), " bytes, at most ", limits.max_bytes, " are allowed"));
  }
  // The parser takes a NUL for the end of its input.
  if (const std::size_t nul = bytes.find('\0'); nul != bytes.npos)
    throw std::runtime_error(text("JSON holds a NUL byte at byte ", nul));
  try {
    Watch watch(limits);
    Json::sax_parse(bytes.begin(), bytes.end(), &watch);
    return Json::parse(bytes.begin(), bytes.end());
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
