// `vitrine simulate`. Its options stand in cli/simulate_options.cpp and are the same in every build; what it does stands in cli/simulate.cpp, and
// in cli/imaging_absent.cpp in a build without ITK, where it says so.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"

namespace vitrine::cli {

struct SimulateCommand {
  std::string output, anatomy;
  std::string preset;  // "" or "paper"
  std::vector<std::pair<std::string, std::string>>
      taken;  // options and values that the preset gave: what the command line did not say
  int patients = 12, sclc = 0;
  std::string lesions;  // NSCLC:SCLC
  int jobs = 2;
  std::uint64_t seed = 1;
  double signal = 1;
  double difficulty = -1;  // AUC; below 0: not asked for
  std::string difficulty_level;
  bool oracle_table = false;
  double t1c_spacing = 1.2;
  // As the options have them; imaging/simulator/scan_options.h says what they mean.
  std::string t1c, plane, slice, gap, in_plane, noise, bias, bias_shape, orders, faults;
  double t1c_thickness = 0, t1c_oblique = 0, oblique = 0, neck = -1, noise_centre = 1, motion = 4, rotation = 4, kappa = 0;
  int sites = 0;
  bool truth = false, crops = false;
  ProgressMode progress = ProgressMode::automatic;
};
void run_simulate(const SimulateCommand& command);

}  // namespace vitrine::cli
