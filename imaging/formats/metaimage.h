// MetaImage files (.mha, and .mhd with the voxels beside it), read by ourselves and written.
//
// Accepted   one 3-D scalar volume, raw or zlib (CompressedData); TransformMatrix, Offset and ElementSpacing as ITK understands them: LPS, the
//            direction of each axis in turn
// Refused    text voxels, several channels, voxels in several files, no TransformMatrix unless an orientation is assumed. ITK takes the
//            identity there, in silence
// Reference  Kitware, "MetaIO/Documentation" (itk.org/Wiki/ITK/MetaIO/Documentation)
#pragma once

#include <filesystem>
#include <string_view>

#include "imaging/formats/volume_file.h"

namespace vitrine::imaging {

bool begins_as_metaimage(std::string_view bytes);

// DataError (file, field, found, expected, next step), Interrupted.
VolumeFile read_metaimage_file(const std::filesystem::path& path, const ReadOptions& options = {},
                               const ClaimCheck& check = {});

// float32, LPS, raw. FileError.
void write_metaimage(const std::filesystem::path& path, const Volume& volume);

}  // namespace vitrine::imaging
