#include "base/json.h"

#include <set>
#include <stdexcept>
#include <vector>

#include "base/error.h"

namespace vitrine {

Json parse_json(std::string_view bytes, const JsonLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    throw std::runtime_error(text("JSON of ", bytes.size(), " bytes, at most ", limits.max_bytes, " are allowed"));
  }
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > limits.max_depth) {
      throw std::runtime_error(text("JSON nests deeper than the ", limits.max_depth, " levels allowed"));
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw std::runtime_error(text("JSON has the duplicate key \"", value.get<std::string>(), "\""));
    }
    return true;
  };
  try {
    return Json::parse(bytes.begin(), bytes.end(), watch);
  } catch (const nlohmann::json::parse_error& error) {
    throw std::runtime_error(text("JSON is malformed at byte ", error.byte));
  } catch (const nlohmann::json::exception& error) {  // a number beyond the range of a double, for one
    throw std::runtime_error(text("JSON holds a value that cannot be kept: ", error.what()));
  }
}

std::string json_text(const Json& value) { return value.dump(2) + "\n"; }

}  // namespace vitrine
