#include "base/settings_file.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;

std::optional<std::string> value_of(const Settings& settings, const std::string& name) {
  const auto at = std::ranges::find(settings, name, &Settings::value_type::first);
  return at == settings.end() ? std::nullopt : std::optional(at->second);
}

// The setting of that name; "no NAME" where there is none.
std::string shown_setting(const Settings& settings, const std::string& name) {
  const std::optional<std::string> value = value_of(settings, name);
  return value ? text(printable(name, 40), " = ", printable(*value, 60)) : text("no ", printable(name, 40));
}

}  // namespace

std::string settings_json(const Settings& settings) {
  Json out = Json::object();
  for (const auto& [name, value] : settings) out[name] = value;
  return json_text(out);
}

Settings read_settings(const std::filesystem::path& file, const std::string& is_none) {
  const std::string bytes = as<DataError>([&] { return read_file(file, kMaxJson); });
  try {
    Settings settings;
    const Json json = parse_json(bytes);
    for (const auto& [name, value] : json.items()) settings.emplace_back(name, text_in(json, name));
    return settings;
  } catch (const std::runtime_error& error) {
    throw DataError(text(file, ": ", error.what(), "; ", is_none));
  }
}

void check_same_settings(const std::filesystem::path& folder, const Settings& found, const Settings& wanted,
                         const std::string& what, const std::string& advice) {
  // The first that differs of those that are asked for, then one that is there alone.
  for (const Settings* settings : {&wanted, &found}) {
    for (const auto& [name, value] : *settings) {
      if (value_of(found, name) == value_of(wanted, name)) continue;
      const std::string there = shown_setting(found, name), asked = shown_setting(wanted, name);
      throw UsageError(text(folder, " holds ", what, " (there: ", there, "; asked: ", asked, "); ", advice));
    }
  }
  if (found != wanted) throw UsageError(text(folder, " holds ", what, " (the same settings in another order); ", advice));
}

}  // namespace vitrine
