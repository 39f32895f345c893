#include "imaging/formats/volume_part.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "imaging/formats/gzip.h"
#include "imaging/formats/nifti_header.h"
#include "imaging/formats/read_volume.h"
#include "imaging/formats/volume_file.h"
#include "imaging/formats/voxels.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

void check_inside(const VoxelBox& box, const Geometry& whole, const fs::path& path) {
  for (std::size_t c = 0; c < 3; ++c) {
    if (box.low[c] < 0 || box.low[c] + box.size[c] > whole.size[c])
      throw DataError(text(path, " has ", whole.size[0], " x ", whole.size[1], " x ", whole.size[2],
                           " voxels (in LPS order), more are asked for; it is not the file that was prepared"));
  }
}

std::size_t count_of(const VoxelBox& box) {
  return box.empty() ? 0 : static_cast<std::size_t>(box.size[0] * box.size[1] * box.size[2]);
}

VolumePart part_of(const fs::path& path, const VoxelBox& box) {
  const ReadVolume file = read_volume(path);
  VolumePart part{box, file.volume.geometry, file.order, {}, file.file_sha256};
  check_inside(box, part.whole, path);
  if (box.empty()) return part;
  part.data.reserve(count_of(box));
  for (std::int64_t k = box.low[2]; k < box.low[2] + box.size[2]; ++k) {
    for (std::int64_t j = box.low[1]; j < box.low[1] + box.size[1]; ++j) {
      for (std::int64_t i = box.low[0]; i < box.low[0] + box.size[0]; ++i) part.data.push_back(file.volume.at(i, j, k));
    }
  }
  return part;
}

// Bytes of an image by position: straight from a file that is not compressed, else by inflating up to there.
class ImageBytes {
 public:
  explicit ImageBytes(const fs::path& path) : path_(path), stream_(path, kMaxVolumeFileBytes) {
    if (!stream_.is_compressed()) plain_.emplace(path, kMaxVolumeFileBytes);
  }

  // Positions rise from call to call.
  void read(std::uint64_t offset, std::span<char> out) {
    if (plain_) {
      if (offset + out.size() > plain_->size()) refuse_end();
      return plain_->read(offset, out);
    }
    if (!skip_bytes(stream_, offset - at_) || stream_.read(out) < out.size()) refuse_end();
    at_ = offset + out.size();
  }

 private:
  [[noreturn]] void refuse_end() const {
    throw DataError(text(path_, " ends before its last voxel; it is not the file that was prepared"));
  }

  fs::path path_;
  InflatingFile stream_;
  std::optional<InputFile> plain_;
  std::uint64_t at_ = 0;
};

VolumePart nifti_part(const fs::path& path, const VoxelBox& box) {
  std::string head(kNiftiHeaderBytes, '\0');
  ImageBytes bytes(path);
  bytes.read(0, head);
  const NiftiHeader header = parse_nifti_header(head, shown(path));
  VolumePart part{box, {}, storage_order(header.geometry), std::vector<float>(count_of(box)), {}};
  part.whole = anatomical_geometry(header.geometry, part.order);
  part.file_sha256 = sha256_of_file(path, kMaxVolumeFileBytes);
  check_inside(box, part.whole, path);
  if (box.empty()) return part;
  const auto first = part.order.stored_index(box.low);
  const auto last =
      part.order.stored_index({box.low[0] + box.size[0] - 1, box.low[1] + box.size[1] - 1, box.low[2] + box.size[2] - 1});
  std::array<std::int64_t, 3> low, high;
  for (std::size_t a = 0; a < 3; ++a) {
    low[a] = std::min(first[a], last[a]);
    high[a] = std::max(first[a], last[a]);
  }
  const auto& n = header.geometry.size;
  const std::size_t voxel = header.encoding.voxel_bytes();
  std::string raw(static_cast<std::size_t>(high[0] - low[0] + 1) * voxel, '\0');
  std::vector<float> row;
  // The place in the box of a voxel of the file: the inverse of stored_index.
  const auto place = [&](const std::array<std::int64_t, 3>& stored) {
    std::array<std::int64_t, 3> at{};
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t a = part.order.axis[c];
      at[c] = (part.order.reversed[c] ? part.order.stored_size[a] - 1 - stored[a] : stored[a]) - box.low[c];
    }
    return static_cast<std::size_t>((at[2] * box.size[1] + at[1]) * box.size[0] + at[0]);
  };
  for (std::int64_t k = low[2]; k <= high[2]; ++k) {
    check_interrupt("reading voxels");
    for (std::int64_t j = low[1]; j <= high[1]; ++j) {
      bytes.read(header.voxel_offset + static_cast<std::uint64_t>((k * n[1] + j) * n[0] + low[0]) * voxel, raw);
      row.clear();
      append_voxels(raw, header.encoding, row);
      for (std::int64_t i = low[0]; i <= high[0]; ++i) {
        const float v = row[static_cast<std::size_t>(i - low[0])];
        part.data[place({i, j, k})] = std::isfinite(v) ? v : 0;
      }
    }
  }
  return part;
}

// NIfTI-1 in one file, whatever its name.
bool is_single_nifti(const fs::path& path) {
  if (is_folder(path)) return false;
  InflatingFile file(path, kMaxVolumeFileBytes);
  std::string head(kNiftiHeaderBytes, '\0');
  return file.read(std::span<char>(head)) == head.size() &&
         std::string_view(head).substr(344, 4) == std::string_view("n+1\0", 4);
}

}  // namespace

VolumePart read_volume_part(const fs::path& path, const VoxelBox& box) {
  return as<DataError>([&] { return is_single_nifti(path) ? nifti_part(path, box) : part_of(path, box); });
}

}  // namespace vitrine::imaging
