// A synthetic cohort with known truth: volumes, lesion masks, labels and the true transforms. Not patient data.
//
//   OUT/cohort.csv              subject_id, label, t1c, flair, t2, mask
//   OUT/sub-001/*.nii.gz        t1c, flair, t2, mask
//   OUT/sub-001/truth.json      and more truth: imaging/simulator/subject_writer.h
//   OUT/simulation.json         options, anatomy, the oracle's AUC; written first: where it is missing, nothing of these names is replaced
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "imaging/simulator/scan_options.h"

namespace vitrine::imaging {

struct SimulateOptions {
  int patients = 12;
  std::uint64_t seed = 1;
  int sclc = 0;                     // patients with it; 0: about 40 % (imaging/simulator/cohort_plan.h)
  std::array<int, 2> lesions{};     // of NSCLC and SCLC at signal 1, dealt to the patients; 0: drawn for each
  double signal = 1;                // 0: images carry no information about the class; 1 full; at most 2
  std::filesystem::path anatomy;    // imaging/simulator/anatomy.h load_anatomy
  double spacing_mm = 1.2;          // of T1c's grid
  ScanOptions scan;                 // what is asked of the scanner
  std::vector<std::string> faults;  // of imaging/simulator/fault.h: one for each subject from the first on
  bool truth = false;               // brain masks, fields and tissues beside the images
  int jobs = 2;                     // patients at a time; results do not depend on it
  Json asked = Json::object();      // where these values come from (a preset, a difficulty): recorded beside them
};

struct SimulatedCohort {
  std::filesystem::path csv;
  std::string anatomy;  // "ch2", "procedural" or a file's name
  int lesions = 0;
};

// UsageError naming the option, what was found and what is expected.
void check(const SimulateOptions& options);

// UsageError for options out of range and for a folder where files of these names lie that no simulation made; FileError when `out` cannot be written. A subject that was made with the same options before is
// kept. The same bytes for any number of threads and jobs. Interrupted: patients that are finished stay.
SimulatedCohort simulate_cohort(const std::filesystem::path& out, const SimulateOptions& options, Progress& progress);

}  // namespace vitrine::imaging
