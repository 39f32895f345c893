// simulate, study and demo: commands that need imaging/ (those of `mri` stand in cli/mri/). Their options are the same in every build; what they do stands in
// cli/study.cpp, and in cli/imaging_absent.cpp in a build without ITK, where they say so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/progress.h"
#include "cli/prep_choice.h"
#include "cli/train_options.h"

namespace vitrine::cli {

struct SimulateCommand {
  std::string output, anatomy;
  int patients = 12;
  std::uint64_t seed = 1;
  double signal = 1;
  double t1c_spacing = 1.2;
  // As the options have them; imaging/simulator/scan_options.h says what they mean.
  std::string t1c, plane, slice, gap, in_plane, noise, bias, bias_shape, orders, faults;
  double t1c_thickness = 0, t1c_oblique = 0, oblique = 0, neck = -1, noise_centre = 1, motion = 4, rotation = 4, kappa = 0;
  int sites = 0;
  bool truth = false;
  ProgressMode progress = ProgressMode::automatic;
};
void run_simulate(const SimulateCommand& command);

struct StudyCommand {
  std::string cohort, output;
  int jobs = 2;
  std::shared_ptr<PrepChoice> choice = std::make_shared<PrepChoice>();
  ChosenWords words;
  ProgressMode progress = ProgressMode::automatic;
};
void run_study(const StudyCommand& command);

struct DemoCommand {
  std::string output = "demo";
  std::string weights;  // empty: EfficientNet-Lite0's real weights when they were fetched
  ProgressMode progress = ProgressMode::automatic;
};
void run_demo(const DemoCommand& command);

bool has_imaging();  // built with ITK

}  // namespace vitrine::cli
