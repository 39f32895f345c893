// The settings that a folder was made with: names and values, as one flat JSON object. The file claims the folder: whoever comes later must want
// the same.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace vitrine {

using Settings = std::vector<std::pair<std::string, std::string>>;

std::string settings_json(const Settings& settings);

// DataError for what is no such file, ending with `is_none`: "it is not a run's folder".
Settings read_settings(const std::filesystem::path& file, const std::string& is_none);

// UsageError when the folder's file says otherwise, naming the first difference: "FOLDER holds WHAT (there: ...; asked: ...); ADVICE".
void check_same_settings(const std::filesystem::path& folder, const Settings& found, const Settings& wanted,
                         const std::string& what, const std::string& advice);

}  // namespace vitrine
