#include "imaging/formats/nifti.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/formats/gzip.h"
#include "imaging/formats/nifti_header.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kPieceVoxels = std::size_t{1} << 18;

template <class T>
void convert(std::string_view raw, const NiftiHeader& header, std::vector<float>& out) {
  for (std::size_t at = 0; at < raw.size(); at += sizeof(T)) {
    char cell[sizeof(T)];
    std::memcpy(cell, raw.data() + at, sizeof(T));
    if (header.big_endian) std::reverse(cell, cell + sizeof(T));
    T value;
    std::memcpy(&value, cell, sizeof(T));
    out.push_back(header.scaled ? static_cast<float>(header.slope * static_cast<double>(value) + header.intercept)
                                : static_cast<float>(value));
  }
}

void convert_voxels(std::string_view raw, const NiftiHeader& header, std::vector<float>& out) {
  switch (header.type) {
    case NiftiType::u8: return convert<std::uint8_t>(raw, header, out);
    case NiftiType::i8: return convert<std::int8_t>(raw, header, out);
    case NiftiType::i16: return convert<std::int16_t>(raw, header, out);
    case NiftiType::u16: return convert<std::uint16_t>(raw, header, out);
    case NiftiType::i32: return convert<std::int32_t>(raw, header, out);
    case NiftiType::u32: return convert<std::uint32_t>(raw, header, out);
    case NiftiType::i64: return convert<std::int64_t>(raw, header, out);
    case NiftiType::u64: return convert<std::uint64_t>(raw, header, out);
    case NiftiType::f32: return convert<float>(raw, header, out);
    case NiftiType::f64: return convert<double>(raw, header, out);
  }
}

// Voxels in the order in which they arrive, in pieces, so that a vector that grows never holds twice what has come.
class ArrivingVoxels {
 public:
  void add(std::string_view raw, const NiftiHeader& header) {
    std::vector<float> piece;
    piece.reserve(raw.size() / header.voxel_bytes);
    convert_voxels(raw, header, piece);
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (std::isfinite(piece[i])) continue;
      if (bad_ == 0) first_bad_ = count_ + static_cast<std::int64_t>(i);
      ++bad_;
    }
    count_ += static_cast<std::int64_t>(piece.size());
    pieces_.push_back(std::move(piece));
  }

  void refuse_non_finite(const Geometry& g, const std::filesystem::path& path) const {
    if (bad_ == 0) return;
    const std::int64_t row = first_bad_ / g.size[0];
    throw DataError(text(path, ": ", bad_, bad_ == 1 ? " voxel is" : " voxels are", " NaN or infinite, the first at (",
                         first_bad_ % g.size[0], ", ", row % g.size[1], ", ", row / g.size[1],
                         "), expected finite numbers; export the image again, with 0 where it has no data"));
  }

  std::vector<float> together() {
    std::vector<float> all;
    all.reserve(static_cast<std::size_t>(count_));
    for (std::vector<float>& piece : pieces_) {
      all.insert(all.end(), piece.begin(), piece.end());
      std::vector<float>().swap(piece);
    }
    return all;
  }

  std::int64_t count() const { return count_; }

 private:
  std::vector<std::vector<float>> pieces_;
  std::int64_t count_ = 0, bad_ = 0, first_bad_ = 0;
};

std::string exactly(InflatingFile& file, std::size_t count) {
  std::string bytes(count, '\0');
  bytes.resize(file.read(std::span<char>(bytes)));
  return bytes;
}

[[noreturn]] void refuse_size(const std::filesystem::path& path, const NiftiHeader& h, const char* what) {
  const auto& n = h.geometry.size;
  throw DataError(text(path, ": holds ", what, " bytes than the ", h.file_bytes(), " that its header asks for (", n[0], " x ",
                       n[1], " x ", n[2], " voxels of ", h.voxel_bytes, " bytes); copy or export the file again"));
}

// What lies between the header and the voxels: nothing, or extensions.
void skip(InflatingFile& file, const NiftiHeader& header, const std::filesystem::path& path) {
  std::uint64_t left = header.voxel_offset - kNiftiHeaderBytes;
  while (left > 0) {
    const std::string piece = exactly(file, static_cast<std::size_t>(std::min<std::uint64_t>(left, kPieceVoxels)));
    if (piece.empty()) refuse_size(path, header, "fewer");
    left -= piece.size();
  }
}

void write_voxels(const std::filesystem::path& path, const Volume& volume, NiftiType type) {
  DeflatingFile file(path);
  file.write(nifti_header_bytes(volume.geometry, type));
  std::string bytes;
  for (std::size_t first = 0; first < volume.data.size(); first += kPieceVoxels) {
    const std::size_t count = std::min(kPieceVoxels, volume.data.size() - first);
    bytes.clear();
    if (type == NiftiType::f32) {
      bytes.append(reinterpret_cast<const char*>(volume.data.data() + first), count * sizeof(float));
    } else {
      for (std::size_t i = first; i < first + count; ++i) bytes.push_back(volume.data[i] != 0 ? '\1' : '\0');
    }
    file.write(bytes);
  }
  file.commit();
}

}  // namespace

NiftiFile read_nifti_file(const std::filesystem::path& path, const ClaimCheck& check) {
  InflatingFile file(path, kMaxNiftiBytes);
  const std::string head = exactly(file, kNiftiHeaderBytes);
  if (head.size() < kNiftiHeaderBytes) {
    throw DataError(text(path, " is not NIfTI: it holds ", head.size(), " bytes, expected at least ", kNiftiHeaderBytes,
                         "; give a .nii or .nii.gz file"));
  }
  const NiftiHeader header = parse_nifti_header(head, shown(path));
  if (header.file_bytes() > file.most_bytes()) refuse_size(path, header, "fewer");
  if (check) check({header.geometry, static_cast<double>(header.file_bytes()) / static_cast<double>(file.file_bytes())});
  skip(file, header, path);
  ArrivingVoxels voxels;
  for (std::int64_t left = header.geometry.voxels(); left > 0; left = header.geometry.voxels() - voxels.count()) {
    const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(left, kPieceVoxels)) * header.voxel_bytes;
    const std::string raw = exactly(file, wanted);
    if (raw.size() < wanted) refuse_size(path, header, "fewer");
    voxels.add(raw, header);
  }
  if (!exactly(file, 1).empty()) refuse_size(path, header, "more");
  voxels.refuse_non_finite(header.geometry, path);
  return {{header.geometry, voxels.together()}, file.sha256(), header.remarks};
}

Volume read_nifti(const std::filesystem::path& path) { return read_nifti_file(path).volume; }

void write_nifti(const std::filesystem::path& path, const Volume& volume) { write_voxels(path, volume, NiftiType::f32); }

void write_mask_nifti(const std::filesystem::path& path, const Mask& mask) { write_voxels(path, mask, NiftiType::u8); }

}  // namespace vitrine::imaging
