// A simulated subject's files: its series, its mask, and the truth beside them.
//
//   t1c.nii.gz, flair.nii.gz, t2.nii.gz, mask.nii.gz
//   truth.json           latents, the scan of each series, `matrix` (4 x 4, LPS, T1c's points to the series' as the headers have them), fault
//   with `truth`         SERIES_brain.nii.gz, SERIES_field.nii.gz of each series, t1c_tissue.nii.gz (imaging/simulator/scan.h tissue_truth), each
//                        on the grid and in the order of its series
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/simulator/cohort_simulator.h"
#include "imaging/simulator/scan.h"

namespace vitrine::imaging {

inline constexpr const char* kTruthFile = "truth.json";

// Version, seed and options as truth.json and simulation.json hold them.
Json options_json(const SimulateOptions& options, const std::string& anatomy);

// The scans of a subject without a fault.
std::array<Scan, 3> scans_of(const ScannedHead& head, const SimulateOptions& options);

// Makes and writes the subject; false when it is there already, made with the same options. `fault` may be empty. Before anything of it changes,
// what says that it or the cohort is finished is removed. FileError when a file cannot be written; Interrupted.
bool write_subject(const std::filesystem::path& out, const std::filesystem::path& cohort_csv, const Anatomy& anatomy,
                   const Patient& patient, const SimulateOptions& options, const std::string& fault);

}  // namespace vitrine::imaging
