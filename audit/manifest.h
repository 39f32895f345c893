// MANIFEST.json: every file of a finished audit, its size and SHA-256, and those of what the fold left. Signing it is for other tools.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine::audit {

// Of everything in `folder`, and of `results`, which lie elsewhere, by their paths relative to it.
void write_manifest(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& results);

struct ManifestCheck {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::string sha256;  // of MANIFEST.json
};
// DataError naming the first file that is missing, of another size, changed, or not in the manifest. `folder` has one.
ManifestCheck check_manifest(const std::filesystem::path& folder);
bool has_manifest(const std::filesystem::path& folder);

}  // namespace vitrine::audit
