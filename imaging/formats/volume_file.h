// What every reader of volumes takes and gives: options, the claim of a header, the volume with what was found in which field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

inline constexpr std::uint64_t kMaxVolumeFileBytes = std::uint64_t{3} << 30;

// What the user decides where a file leaves something open or contradicts itself. Without it the file is refused.
struct ReadOptions {
  enum class Form { agree, sform, qform };

  // Where i, j and k grow to, in letters of R L A P I S ("RAS"), for a file that states no orientation. UsageError when it is no such code.
  std::string assume_orientation{};
  Form prefer = Form::agree;  // of a NIfTI header whose two forms conflict
  std::string series{};       // of a DICOM folder: the beginning of a UID, or the number in the list
};

// What a file announces before a voxel of it is read.
struct VolumeClaim {
  Geometry geometry;     // as stored
  double inflation = 1;  // bytes that are announced for each byte of the file
};
using NiftiClaim = VolumeClaim;
using ClaimCheck = std::function<void(const VolumeClaim&)>;  // throws when the volume is none that is wanted

// What was understood, and the field of the header that said so.
struct HeaderFacts {
  std::string format;      // "NIfTI-1, gzip"
  std::string size_field;  // "dim[1..3]"
  std::string spacing_field;
  std::string place;                   // the form that was used: "sform (code 1)"
  std::string type, type_field;        // "int16, little-endian"
  std::string scaling, scaling_field;  // "2 * stored - 1", "none"
  std::string units, units_field;
};

struct VolumeFile {
  Volume volume;       // in the file's own order of voxels
  std::string sha256;  // of the file's bytes; of several files (a pair, a series): of the list of their SHA-256
  HeaderFacts facts;
  Notes notes;  // what the header leaves open or contradicts, and what was taken
};

}  // namespace vitrine::imaging
