#include "imaging/formats/read_volume.h"

#include <algorithm>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/sha256.h"

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

}  // namespace

ReadVolume read_volume(const std::filesystem::path& path, const ClaimCheck& check) {
  NiftiFile file = read_nifti_file(path, [&](NiftiClaim claim) {
    claim.geometry = anatomical_geometry(claim.geometry, storage_order(claim.geometry));
    if (check) check(claim);
  });
  ReadVolume result;
  result.order = storage_order(file.volume.geometry);
  result.stored = file.volume.geometry;
  result.volume = in_anatomical_order(std::move(file.volume), result.order);
  result.file_sha256 = std::move(file.sha256);
  result.voxels_sha256 = voxels_sha256(result.volume);
  result.remarks = std::move(file.remarks);
  return result;
}

ReadVolume read_series(const std::filesystem::path& path) {
  ReadVolume result = read_volume(path, [&](const NiftiClaim& claim) {
    if (claim.inflation <= kMostInflation) return;
    throw DataError(text(path, ": announces ", fixed(claim.inflation, 0), " bytes for each of its own, expected at most ",
                         kMostInflation, ", as of an image of a head; export it again"));
  });
  const float first = result.volume.data.front();
  if (std::all_of(result.volume.data.begin(), result.volume.data.end(), [&](float v) { return v == first; })) {
    throw DataError(text(path, ": all voxels hold the value ", shortest(first), ", expected an image; export it again"));
  }
  return result;
}

}  // namespace vitrine::imaging
