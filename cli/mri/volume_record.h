// What the commands write of volumes and DICOM series as JSON: nothing of the patient but a hash.
#pragma once

#include "base/json.h"
#include "imaging/formats/dicom_folder.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::cli {

// Format, size, spacing, orientation, place, type, scaling, range of values, each with the field that said so; SHA-256; notes.
Json record(const imaging::ReadVolume& file);
// With `pseudonymise` UIDs are hashes, and free text of the scanner's user (descriptions, protocols) is left out.
Json record(const imaging::DicomSeries& series, bool pseudonymise);
Json record(const imaging::DicomFolder& folder, bool pseudonymise);

}  // namespace vitrine::cli
