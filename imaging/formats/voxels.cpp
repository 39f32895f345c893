#include "imaging/formats/voxels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

static_assert(std::endian::native == std::endian::little, "volumes are read and written on little-endian machines only");

constexpr std::size_t kPieceVoxels = std::size_t{1} << 18;

template <class T>
void convert(std::string_view raw, const VoxelEncoding& encoding, std::vector<float>& out) {
  for (std::size_t at = 0; at < raw.size(); at += sizeof(T)) {
    char cell[sizeof(T)];
    std::memcpy(cell, raw.data() + at, sizeof(T));
    if (encoding.big_endian) std::reverse(cell, cell + sizeof(T));
    T value;
    std::memcpy(&value, cell, sizeof(T));
    out.push_back(encoding.scaled ? static_cast<float>(encoding.slope * static_cast<double>(value) + encoding.intercept)
                                  : static_cast<float>(value));
  }
}

}  // namespace

std::size_t bytes_of(ScalarType type) {
  switch (type) {
    case ScalarType::u8:
    case ScalarType::i8: return 1;
    case ScalarType::i16:
    case ScalarType::u16: return 2;
    case ScalarType::i32:
    case ScalarType::u32:
    case ScalarType::f32: return 4;
    case ScalarType::i64:
    case ScalarType::u64:
    case ScalarType::f64: return 8;
  }
  return 8;
}

std::string VoxelEncoding::type_text() const {
  const char* name = type == ScalarType::u8    ? "uint8"
                     : type == ScalarType::i8  ? "int8"
                     : type == ScalarType::i16 ? "int16"
                     : type == ScalarType::u16 ? "uint16"
                     : type == ScalarType::i32 ? "int32"
                     : type == ScalarType::u32 ? "uint32"
                     : type == ScalarType::i64 ? "int64"
                     : type == ScalarType::u64 ? "uint64"
                     : type == ScalarType::f32 ? "float32"
                                               : "float64";
  if (voxel_bytes() == 1) return name;
  return text(name, big_endian ? ", big-endian" : ", little-endian");
}

std::string VoxelEncoding::scaling_text() const {
  if (!scaled) return "none";
  if (intercept == 0) return text(slope, " * stored");
  return text(slope, " * stored ", intercept < 0 ? "- " : "+ ", std::abs(intercept));
}

void append_voxels(std::string_view raw, const VoxelEncoding& encoding, std::vector<float>& out) {
  switch (encoding.type) {
    case ScalarType::u8: return convert<std::uint8_t>(raw, encoding, out);
    case ScalarType::i8: return convert<std::int8_t>(raw, encoding, out);
    case ScalarType::i16: return convert<std::int16_t>(raw, encoding, out);
    case ScalarType::u16: return convert<std::uint16_t>(raw, encoding, out);
    case ScalarType::i32: return convert<std::int32_t>(raw, encoding, out);
    case ScalarType::u32: return convert<std::uint32_t>(raw, encoding, out);
    case ScalarType::i64: return convert<std::int64_t>(raw, encoding, out);
    case ScalarType::u64: return convert<std::uint64_t>(raw, encoding, out);
    case ScalarType::f32: return convert<float>(raw, encoding, out);
    case ScalarType::f64: return convert<double>(raw, encoding, out);
  }
}

namespace {

// Sets what is not finite and connected to the border through faces to 0; how many voxels.
std::int64_t zeroed_from_border(std::vector<float>& values, const Geometry& g) {
  const std::int64_t stride[3] = {1, g.size[0], g.size[0] * g.size[1]};
  std::vector<std::int64_t> waiting;
  const auto visit = [&](std::int64_t at) {
    float& v = values[static_cast<std::size_t>(at)];
    if (std::isfinite(v)) return;
    v = 0;
    waiting.push_back(at);
  };
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t u = (axis + 1) % 3, w = (axis + 2) % 3;
    for (std::int64_t a = 0; a < g.size[u]; ++a) {
      for (std::int64_t b = 0; b < g.size[w]; ++b) {
        const std::int64_t first = a * stride[u] + b * stride[w];
        visit(first);
        visit(first + (g.size[axis] - 1) * stride[axis]);
      }
    }
  }
  std::int64_t count = 0;
  while (!waiting.empty()) {
    const std::int64_t at = waiting.back();
    waiting.pop_back();
    ++count;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t place = at / stride[axis] % g.size[axis];
      if (place > 0) visit(at - stride[axis]);
      if (place + 1 < g.size[axis]) visit(at + stride[axis]);
    }
  }
  return count;
}

}  // namespace

void ArrivingVoxels::add(std::vector<float> piece) {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (std::isfinite(piece[i])) continue;
    if (bad_ == 0) first_bad_ = count_ + static_cast<std::int64_t>(i);
    ++bad_;
  }
  count_ += static_cast<std::int64_t>(piece.size());
  pieces_.push_back(std::move(piece));
}

std::vector<float> ArrivingVoxels::together(const Geometry& g, const std::filesystem::path& path, Notes& notes) {
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(count_));
  for (std::vector<float>& piece : pieces_) {
    all.insert(all.end(), piece.begin(), piece.end());
    std::vector<float>().swap(piece);
  }
  if (bad_ == 0) return all;
  constexpr std::int64_t kMostShare = 100;  // one in so many
  const std::int64_t outside = bad_ * kMostShare <= count_ ? zeroed_from_border(all, g) : 0;
  if (outside == bad_) {
    warn(notes, text(bad_, bad_ == 1 ? " voxel" : " voxels", " at the border of the volume ", bad_ == 1 ? "is" : "are",
                     " NaN or infinite and ", bad_ == 1 ? "was" : "were", " taken to be 0"));
    return all;
  }
  const std::int64_t row = first_bad_ / g.size[0];
  throw DataError(text(path, ": ", bad_, bad_ == 1 ? " voxel is" : " voxels are", " NaN or infinite, the first at (",
                       first_bad_ % g.size[0], ", ", row % g.size[1], ", ", row / g.size[1],
                       "), expected finite numbers, or up to 1 % of NaN that reach in from the border; export the image again, "
                       "with 0 where it has no data"));
}

bool skip_bytes(InflatingFile& file, std::uint64_t count) {
  std::string piece;
  while (count > 0) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(count, kPieceVoxels)));
    const std::size_t got = file.read(std::span<char>(piece));
    if (got == 0) return false;
    count -= got;
  }
  return true;
}

void refuse_byte_count(const std::filesystem::path& path, const VoxelEncoding& encoding, const Geometry& geometry,
                       const char* what) {
  const auto& n = geometry.size;
  throw DataError(text(path, ": holds ", what, " bytes than the ",
                       static_cast<std::uint64_t>(geometry.voxels()) * encoding.voxel_bytes(),
                       " of voxels that its header asks for (", n[0], " x ", n[1], " x ", n[2], " voxels of ",
                       encoding.voxel_bytes(), " bytes); copy or export the file again"));
}

std::vector<float> read_voxels(InflatingFile& file, const VoxelEncoding& encoding, const Geometry& geometry,
                               const std::filesystem::path& path, Notes& notes) {
  ArrivingVoxels voxels;
  for (std::int64_t left = geometry.voxels(); left > 0; left = geometry.voxels() - voxels.count()) {
    const auto count = static_cast<std::size_t>(std::min<std::int64_t>(left, kPieceVoxels));
    std::string raw(count * encoding.voxel_bytes(), '\0');
    if (file.read(std::span<char>(raw)) < raw.size()) refuse_byte_count(path, encoding, geometry, "fewer");
    std::vector<float> piece;
    piece.reserve(count);
    append_voxels(raw, encoding, piece);
    voxels.add(std::move(piece));
  }
  char more;
  if (file.read(std::span<char>(&more, 1)) != 0) refuse_byte_count(path, encoding, geometry, "more");
  return voxels.together(geometry, path, notes);
}

}  // namespace vitrine::imaging
