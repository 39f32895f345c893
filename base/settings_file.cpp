#include "base/settings_file.h"

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;

std::string shown_setting(const Settings& settings, std::size_t at) {
  if (at >= settings.size()) return "nothing";
  return text(printable(settings[at].first, 40), " = ", printable(settings[at].second, 60));
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
  for (std::size_t i = 0; i < std::max(found.size(), wanted.size()); ++i) {
    if (i < found.size() && i < wanted.size() && found[i] == wanted[i]) continue;
    throw UsageError(text(folder, " holds ", what, " (there: ", shown_setting(found, i), "; asked: ", shown_setting(wanted, i),
                          "); ", advice));
  }
}

}  // namespace vitrine
