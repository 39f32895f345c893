// A synthetic cohort with known truth: volumes, lesion masks, labels and the true transforms. Not patient data.
//
//   OUT/cohort.csv              subject_id, label, t1c, flair, t2, mask
//   OUT/sub-001/*.nii.gz        t1c, flair, t2, mask
//   OUT/sub-001/truth.json      and more truth: imaging/simulator/subject_writer.h
//   OUT/simulation.json         options, anatomy, the oracle's AUC; written first: where it is missing, nothing of these names is replaced
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/progress.h"
#include "imaging/simulator/scan_options.h"

namespace vitrine::imaging {

struct SimulateOptions {
  int patients = 12;
  std::uint64_t seed = 1;
  double signal = 1;                // 0: images carry no information about the class; 1 full; at most 2
  std::filesystem::path anatomy;    // imaging/simulator/anatomy.h load_anatomy
  double spacing_mm = 1.2;          // of T1c's grid
  ScanOptions scan;                 // what is asked of the scanner
  std::vector<std::string> faults;  // of imaging/simulator/fault.h: one for each subject from the first on
  bool truth = false;               // brain masks, fields and tissues beside the images
};

struct SimulatedCohort {
  std::filesystem::path csv;
  std::string anatomy;  // "ch2", "procedural" or a file's name
};

// UsageError for options out of range and for a folder where files of these names lie that no simulation made; FileError when `out` cannot be written. A subject that was made with the same options before is
// kept. The same bytes for any number of threads.
SimulatedCohort simulate_cohort(const std::filesystem::path& out, const SimulateOptions& options, Progress& progress);

}  // namespace vitrine::imaging
