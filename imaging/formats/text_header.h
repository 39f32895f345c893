// What NRRD and MetaImage share: a header of lines before the voxels, or in a file of its own with the voxels beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/formats/gzip.h"
#include "imaging/formats/volume_file.h"
#include "imaging/formats/voxels.h"

namespace vitrine::imaging {

inline constexpr std::size_t kMaxTextHeader = std::size_t{256} << 10;

// The beginning of a file, kMaxTextHeader bytes at most. DataError as for every untrusted file.
std::string beginning_of(const std::filesystem::path& path);

// The line from `at` on, without its end; `at` moves behind it. Nothing when the text has no further whole line (the last one may lack its end
// when `may_end`).
std::optional<std::string_view> next_line(std::string_view text, std::size_t& at, bool may_end);
std::string_view trimmed(std::string_view text);
std::string lower_case(std::string_view text);
std::vector<std::string_view> words_of(std::string_view text);  // at spaces and tabs

// Fields of a header by their names in lower case, each once.
class TextFields {
 public:
  explicit TextFields(std::string file) : file_(std::move(file)) {}
  void add(std::string name, std::string_view value);      // DataError when the field was there
  const std::string* find(const std::string& name) const;  // null when it is not there
  const std::string& need(const std::string& name) const;  // DataError when it is not there
  std::vector<double> numbers(const std::string& name,
                              std::size_t count) const;  // DataError unless there are so many finite ones
  std::vector<std::int64_t> integers(const std::string& name, std::size_t count) const;
  const std::string& file() const { return file_; }

 private:
  std::string file_;  // as messages show it
  std::map<std::string, std::string> values_;
};

// A file of voxels that a header names: it lies in the header's folder or below. DataError for any other place.
std::filesystem::path voxel_file(const std::filesystem::path& header, const std::string& name, const std::string& field);

// Where the voxels of a header are.
struct VoxelPlace {
  std::filesystem::path path;
  bool detached = false;
  std::uint64_t offset = 0;  // of the stored bytes
  std::uint64_t skip = 0;    // of the inflated bytes
  bool at_end = false;       // the voxels are the last bytes of the file
  Compression compression = Compression::none;
};
// Reads them and fills in `sha256`; `file` has its geometry. DataError, Interrupted.
void read_voxels_at(const VoxelPlace& place, const VoxelEncoding& encoding, const std::filesystem::path& header,
                    const ClaimCheck& check, VolumeFile& file);

}  // namespace vitrine::imaging
