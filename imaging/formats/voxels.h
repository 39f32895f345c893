// Voxels as files hold them: their type, order of bytes and scale. They arrive in pieces and are counted and looked at on the way.
//
// Memory     the voxels that have arrived, twice while they are put together, and a piece; nothing is reserved for what a header announces
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/formats/gzip.h"
#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

enum class ScalarType : std::int16_t {  // NIfTI's codes
  u8 = 2,
  i16 = 4,
  i32 = 8,
  f32 = 16,
  f64 = 64,
  i8 = 256,
  u16 = 512,
  u32 = 768,
  i64 = 1024,
  u64 = 1280
};
std::size_t bytes_of(ScalarType type);

struct VoxelEncoding {
  ScalarType type = ScalarType::f32;
  bool big_endian = false;
  bool scaled = false;  // value = slope * stored + intercept
  double slope = 1;
  double intercept = 0;

  std::size_t voxel_bytes() const { return bytes_of(type); }
  std::string type_text() const;     // "int16, little-endian"
  std::string scaling_text() const;  // "none", "2 * stored - 1"
};

// Values of `raw`, whole voxels, behind those in `out`.
void append_voxels(std::string_view raw, const VoxelEncoding& encoding, std::vector<float>& out);

// Voxels in the order in which they arrive, in pieces, so that a vector that grows never holds twice what has come.
class ArrivingVoxels {
 public:
  void add(std::vector<float> piece);
  // All of them; call once. Up to 1 % that are NaN or infinite, each connected to the border of the volume through others of the kind, become 0, with
  // a warning: tools write them where they had no data. DataError with their number and the place of the first for more, and for those elsewhere.
  std::vector<float> together(const Geometry& geometry, const std::filesystem::path& path, Notes& notes);
  std::int64_t count() const { return count_; }

 private:
  std::vector<std::vector<float>> pieces_;
  std::int64_t count_ = 0, bad_ = 0, first_bad_ = 0;
};

// Reads over `count` bytes. False when the file ends before.
bool skip_bytes(InflatingFile& file, std::uint64_t count);

// The voxels of `geometry`, which are all that is left of the file. DataError when there are fewer or more bytes, or values are not finite
// (ArrivingVoxels::together).
std::vector<float> read_voxels(InflatingFile& file, const VoxelEncoding& encoding, const Geometry& geometry,
                               const std::filesystem::path& path, Notes& notes);
[[noreturn]] void refuse_byte_count(const std::filesystem::path& path, const VoxelEncoding& encoding, const Geometry& geometry,
                                    const char* what);

}  // namespace vitrine::imaging
