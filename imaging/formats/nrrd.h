// NRRD files (.nrrd, and .nhdr with the voxels beside it), read by ourselves and written.
//
// Accepted   NRRD0001 to 0005; encodings raw and gzip; one 3-D scalar volume, further axes of one sample; spaces RAS, LAS, LPS
// Refused    text, hex and bzip2 encodings, voxels in several files, vectors and colours, spaces without anatomy, time axes, no space at all
//            unless an orientation is assumed (then `spacings` or the lengths are taken)
// Reference  G. L. Kindlmann, "Definition of NRRD File Format" (teem.sourceforge.net/nrrd/format.html)
#pragma once

#include <filesystem>
#include <string_view>

#include "imaging/formats/volume_file.h"

namespace vitrine::imaging {

bool begins_as_nrrd(std::string_view bytes);

// DataError (file, field, found, expected, next step), Interrupted.
VolumeFile read_nrrd_file(const std::filesystem::path& path, const ReadOptions& options = {}, const ClaimCheck& check = {});

// float32, LPS, raw. FileError.
void write_nrrd(const std::filesystem::path& path, const Volume& volume);

}  // namespace vitrine::imaging
