#include "imaging/formats/read_volume.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/sha256.h"
#include "imaging/formats/dicom.h"
#include "imaging/formats/header_check.h"
#include "imaging/formats/metaimage.h"
#include "imaging/formats/nrrd.h"
#include "imaging/formats/text_header.h"

namespace vitrine::imaging {
namespace {

constexpr double kMostInflation = 256;
constexpr std::size_t kPiece = std::size_t{1} << 20;  // voxels between two looks at the interrupt flag

std::string voxels_sha256(const Volume& v) {
  Sha256 digest;
  const auto& n = v.geometry.size;
  digest.update(text(n[0], " ", n[1], " ", n[2], " "));
  for (std::size_t first = 0; first < v.data.size(); first += kPiece) {
    check_interrupt("preparation");
    const std::size_t count = std::min(kPiece, v.data.size() - first);
    digest.update({reinterpret_cast<const char*>(v.data.data() + first), count * sizeof(float)});
  }
  return digest.hex();
}

constexpr double kMostSaturated = 0.05;                 // share of the voxels at the largest value
constexpr double kMostExactZeros = 0.35;                // more: the skull was probably stripped, or the background blanked
constexpr double kScoreMean = 0.1, kScoreSpread = 0.2;  // of values that look like z-scores: |mean|, |deviation - 1|

VolumeFile read_file(const std::filesystem::path& path, const ReadOptions& options, const ClaimCheck& check) {
  if (is_folder(path)) return read_dicom_volume(path, options, check);
  if (is_dicom_file(path)) return read_dicom_volume(path, options, check);
  std::string head = beginning_of(path);
  if (begins_as_nrrd(head)) return read_nrrd_file(path, options, check);
  if (begins_as_metaimage(head)) return read_metaimage_file(path, options, check);
  return read_nifti_file(path, options, check);
}

// Formats whose header may lie apart from its voxels, and folders of DICOM.
bool may_be_several(const std::filesystem::path& path) {
  if (is_folder(path) || is_dicom_file(path)) return true;
  const std::string ending = path.extension().string(), head = beginning_of(path);
  return ending == ".hdr" || ending == ".img" || begins_as_nrrd(head) || begins_as_metaimage(head);
}

// What is odd in the values of an image of a head.
void note_values(const Volume& v, Notes& notes) {
  const auto count = static_cast<double>(v.data.size());
  const auto [low, high] = std::minmax_element(v.data.begin(), v.data.end());
  double at_high = 0, zeros = 0, sum = 0;
  for (const float x : v.data) {
    at_high += x == *high ? 1 : 0;
    zeros += x == 0 ? 1 : 0;
    sum += static_cast<double>(x);
  }
  const double mean = sum / count;
  double squares = 0;
  for (const float x : v.data) squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
  const double spread = std::sqrt(squares / count);
  if (at_high > kMostSaturated * count)
    warn(notes, text(fixed(100 * at_high / count, 1), " % of the voxels hold the largest value, ", shortest(*high),
                     ": the image is saturated, or no image of signal"));
  if (*low < 0 && std::abs(mean) < kScoreMean && std::abs(spread - 1) < kScoreSpread) {
    warn(notes,
         text("the values look normalised already (mean ", fixed(mean, 2), ", standard deviation ", fixed(spread, 2), ")"));
  } else if (*low < 0) {
    warn(notes,
         text("values go down to ", shortest(*low), ": the signal of MRI is not negative (normalised or filtered already?)"));
  }
  if (zeros > kMostExactZeros * count)
    note(notes, text(fixed(100 * zeros / count, 1),
                     " % of the voxels are exactly 0: the background was blanked, or the skull stripped"));
}

ReadVolume understood(VolumeFile file) {
  ReadVolume result;
  result.order = storage_order(file.volume.geometry);
  result.stored = file.volume.geometry;
  result.volume = in_anatomical_order(std::move(file.volume), result.order);
  result.file_sha256 = std::move(file.sha256);
  result.voxels_sha256 = voxels_sha256(result.volume);
  result.facts = std::move(file.facts);
  result.notes = std::move(file.notes);
  return result;
}

void list_remarks(ReadVolume& result) {
  result.remarks.clear();
  for (const Note& n : result.notes) result.remarks.push_back(n.text);
}

}  // namespace

std::string volume_sha256(const std::filesystem::path& path) {
  if (may_be_several(path)) return read_volume(path).file_sha256;
  return as<DataError>([&] { return sha256_of_file(path, kMaxVolumeFileBytes); });
}

ReadVolume read_volume(const std::filesystem::path& path, const ReadOptions& options, const ClaimCheck& check) {
  if (!options.assume_orientation.empty()) direction_of_code(options.assume_orientation);  // a UsageError comes before any file
  ReadVolume result = understood(read_file(path, options, [&](VolumeClaim claim) {
    claim.geometry = anatomical_geometry(claim.geometry, storage_order(claim.geometry));
    if (check) check(claim);
  }));
  list_remarks(result);
  return result;
}

ReadVolume read_volume(const std::filesystem::path& path, const ClaimCheck& check) {
  return read_volume(path, ReadOptions{}, check);
}

ReadVolume read_series(const std::filesystem::path& path, const ReadOptions& options) {
  ReadVolume result = read_volume(path, options, [&](const VolumeClaim& claim) {
    if (claim.inflation <= kMostInflation) return;
    throw DataError(text(path, ": announces ", fixed(claim.inflation, 0), " bytes for each of its own, expected at most ",
                         kMostInflation, ", as of an image of a head; export it again"));
  });
  const float first = result.volume.data.front();
  if (std::all_of(result.volume.data.begin(), result.volume.data.end(), [&](float v) { return v == first; })) {
    throw DataError(text(path, ": all voxels hold the value ", shortest(first), ", expected an image; export it again"));
  }
  note_values(result.volume, result.notes);
  list_remarks(result);
  return result;
}

void write_volume(const std::filesystem::path& path, const Volume& volume) {
  const std::string name = lower_case(path.filename().string());
  if (name.ends_with(".nii") || name.ends_with(".nii.gz")) return write_nifti(path, volume);
  if (name.ends_with(".nrrd")) return write_nrrd(path, volume);
  if (name.ends_with(".mha")) return write_metaimage(path, volume);
  throw UsageError(
      text("the output ", path, " has a name of no format of volumes; expected one that ends in .nii.gz, .nii, .nrrd or .mha"));
}

}  // namespace vitrine::imaging
