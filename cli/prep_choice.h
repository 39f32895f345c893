// How volumes become crops, as the command line names it: of `mri prep` and `study`.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"

namespace vitrine::imaging {
struct SubjectOptions;
}

namespace vitrine::cli {

struct PrepChoice {
  std::string normalise = "zscore", crop = "fit", slices = "3", registration = "vitrine";
  double fov = 64, distance = 2;
  bool no_pictures = false;
};

void add_prep_choice(Command command, const std::shared_ptr<PrepChoice>& choice);

imaging::SubjectOptions subject_options(const PrepChoice& choice);  // UsageError (cli/mri/prep.cpp)

}  // namespace vitrine::cli
