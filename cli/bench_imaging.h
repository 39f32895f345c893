// `vitrine bench imaging`: the steps of `vitrine mri` against simulated truth. What it does stands in cli/bench_imaging.cpp, and in
// cli/imaging_absent.cpp in a build without ITK, where it says so.
#pragma once

#include <string>

#include "base/progress.h"

namespace vitrine::cli {

struct BenchImagingCommand {
  std::string output, anatomy, head;
  int cases = 8;
  bool quick = false, keep = false, again = false, markdown = false, check = false;
  ProgressMode progress = ProgressMode::automatic;
};
void run_bench_imaging(const BenchImagingCommand& command);

}  // namespace vitrine::cli
