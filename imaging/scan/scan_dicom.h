// cohort.csv from a tree of DICOM files: the series of each patient are chosen by what the scanner says of them, and written as NIfTI.
//
// Subject    named by the hash of its identity (imaging/formats/dicom.h): nothing personal is in the table
// Study      the one that has a T1c; of several, the one whose UID begins with CohortScanOptions::session
// Series     imaging/scan/examination.h; several candidates are asked for
// Volumes    volumes/<subject>_<column>.nii.gz beside the table, on the grid of the series
// Labels     by the subject's name in the table, or by the name of the patient's folder, the first below the one that is scanned
#pragma once

#include <filesystem>

#include "base/progress.h"
#include "imaging/scan/scan_cohort.h"

namespace vitrine::imaging {

// DICOM files, and no volume of another format. Interrupted.
bool is_dicom_tree(const std::filesystem::path& folder);

// Writes the volumes, not the table. A patient of whom a series cannot be read is left out. DataError when there is no patient to take;
// UsageError when a volume would be written over a file that is read; FileError; Interrupted.
CohortScan scan_dicom(const std::filesystem::path& folder, const std::filesystem::path& csv, const CohortScanOptions& options,
                      Progress& progress);

}  // namespace vitrine::imaging
