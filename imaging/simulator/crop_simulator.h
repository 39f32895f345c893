// A synthetic cohort as crops, without its volumes: what preparation would make of it if it made no error. For studies of many cohorts.
//
//   OUT/manifest.csv, OUT/crops/*.safetensors, OUT/previews/*.png     as preparation writes them (imaging/prep.h): 64 x 64, at most three slices of a
//                                                                     lesion, zscore
//   OUT/simulation.json                                               as of simulate_cohort, with `crops`: true
#pragma once

#include <filesystem>

#include "data/manifest.h"
#include "imaging/simulator/cohort_simulator.h"

namespace vitrine::imaging {

// The same people and scans as simulate_cohort makes of these options, but without faults and truth files, which are refused. A cohort that was
// interrupted is made again: the manifest is written last. UsageError, FileError, DataError, Interrupted.
Manifest simulate_crops(const std::filesystem::path& out, const SimulateOptions& options, Progress& progress);

}  // namespace vitrine::imaging
