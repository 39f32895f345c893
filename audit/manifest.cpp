#include "audit/manifest.h"

#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "MANIFEST.json";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40, kMostManifest = std::uint64_t{16} << 20;

}  // namespace

bool has_manifest(const fs::path& folder) { return path_exists(folder / kManifest); }

void write_manifest(const fs::path& folder, const std::vector<fs::path>& results) {
  Json files = Json::array();
  const auto put = [&](const fs::path& path) {
    const InputFile file(path, kMostBytes);
    files.push_back(
        {{"path", path.lexically_relative(folder).generic_string()}, {"bytes", file.size()}, {"sha256", file.sha256()}});
  };
  remove_stale_temporaries(folder);
  for (const fs::path& path : entries_of(folder)) {
    if (path.filename() != kManifest) put(path);
  }
  for (const fs::path& path : results) put(path);
  Json json = Json::object();
  json["format"] = "vitrine-audit-manifest-1";
  json["files"] = std::move(files);
  write_file(folder / kManifest, json_text(json));
}

ManifestCheck check_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  const std::string bytes = as<DataError>([&] { return read_file(path, kMostManifest); });
  ManifestCheck check;
  check.sha256 = sha256(bytes);
  std::set<std::string> named{kManifest};
  try {
    const Json json = parse_json(bytes);
    if (text_in(json, "format") != "vitrine-audit-manifest-1")
      throw std::runtime_error("'format' is not vitrine-audit-manifest-1");
    for (const Json& entry : member(json, "files")) {
      const std::string name = text_in(entry, "path");
      if (named.contains(name)) throw std::runtime_error(text("'", printable(name, 80), "' is named twice"));
      const fs::path place = (folder / name).lexically_normal();
      const bool is_result = name.starts_with("../../fold_");
      if (name.empty() || fs::path(name).is_absolute() ||
          (name.find("..") != std::string::npos && (!is_result || name.find("..", 6) != std::string::npos)))
        throw std::runtime_error(text("'", printable(name, 80), "' leads out of the run"));
      named.insert(name);
      if (const std::string flaw = path_flaw(place); !flaw.empty())
        throw DataError(text(place, " ", flaw, "; the manifest names it"));
      const InputFile file(place, kMostBytes);
      const std::uint64_t size = unsigned_in(entry, "bytes");
      if (file.size() != size)
        throw DataError(text(place, ": has ", file.size(), " bytes, the manifest says ", size, "; it was changed"));
      if (file.sha256() != text_in(entry, "sha256"))
        throw DataError(text(place, ": is not the file that the manifest names; one of the two was changed"));
      ++check.files;
      check.bytes += size;
    }
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), "; it is no manifest of an audit"));
  }
  for (const fs::path& entry : entries_of(folder)) {
    if (!named.contains(entry.filename().string()))
      throw DataError(text(entry, ": is not in the manifest; it was added later"));
  }
  return check;
}

}  // namespace vitrine::audit
