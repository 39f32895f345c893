// What find_dicom_series finds, with the files that cannot be read. For the .cpp files of this room.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/formats/dicom.h"

namespace vitrine::imaging {

struct DicomFolder {
  std::vector<DicomSeries> series;
  std::vector<std::filesystem::path> damaged;
  std::string first_damage;
  Notes notes;
};

// Keys of patients take milliseconds each; without `with_keys` patient_key holds DicomHeader::patient, which is not for outputs.
DicomFolder read_dicom_folder(const std::filesystem::path& path, bool with_keys = true);

}  // namespace vitrine::imaging
