// One of a subject's files as the steps use it: in LPS order, with what is to be remembered about the file.
//
// Formats    NIfTI-1 (.nii, .nii.gz, .hdr/.img), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), DICOM (a folder or one file), told apart by
//            their content; only the voxels of a pair or of a detached file have none that could say
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/formats/nifti.h"
#include "imaging/orientation.h"

namespace vitrine::imaging {

struct ReadVolume {
  Volume volume;
  StorageOrder order;                // of the file
  Geometry stored;                   // of the file: where results that are written beside it lie
  std::string file_sha256;           // of the file's bytes; of several files: of the list of their SHA-256
  std::string voxels_sha256;         // of sizes and values in LPS order: equal for copies that were compressed or turned anew
  HeaderFacts facts;                 // what was understood, and from which field
  Notes notes;                       // what the header leaves open or contradicts, and what was taken
  std::vector<std::string> remarks;  // the texts of the notes
};

// DataError (file, field, found, expected, next step) for what cannot be read or is in doubt. `check` sees the geometry in LPS order, before a
// voxel is read. Interrupted.
ReadVolume read_volume(const std::filesystem::path& path, const ReadOptions& options, const ClaimCheck& check = {});
ReadVolume read_volume(const std::filesystem::path& path, const ClaimCheck& check = {});

// The same, and DataError when all voxels hold one value, or when so little stands for so many voxels that nearly all must (no image of a
// head shrinks to a 256th: it would be inflated to the end for nothing). What is odd in the values of an image is noted.
ReadVolume read_series(const std::filesystem::path& path, const ReadOptions& options = {});

// The file_sha256 that read_volume gives. A file that stands alone is not understood for it; what stands for several is read. DataError,
// Interrupted.
std::string volume_sha256(const std::filesystem::path& path);

// By the name: .nii, .nii.gz, .nrrd, .mha; float32, LPS coordinates, no text of any origin. UsageError for another name, FileError.
void write_volume(const std::filesystem::path& path, const Volume& volume);

}  // namespace vitrine::imaging
