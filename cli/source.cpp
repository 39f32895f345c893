#include "cli/source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace vitrine::cli {

namespace fs = std::filesystem;

void write_source(const fs::path& run, const Source& source) {
  Json json;
  json["manifest"] = fs::proximate(fs::absolute(source.manifest), fs::absolute(run)).string();
  json["splits"] = fs::proximate(fs::absolute(source.splits), fs::absolute(run)).string();
  write_file(run / "source.json", json_text(json));
}

Source read_source(const fs::path& run) {
  const fs::path path = run / "source.json";
  try {
    const Json json = parse_json(read_file(path, 1u << 20));
    return {(run / json.at("manifest").get<std::string>()).lexically_normal(),
            (run / json.at("splits").get<std::string>()).lexically_normal()};
  } catch (const std::exception& error) {
    throw DataError(text(path.string(), ": ", error.what(), "; `vitrine report` needs the folder of a study or of a run"));
  }
}

}  // namespace vitrine::cli
