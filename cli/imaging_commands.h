// study and demo: commands that need imaging/ (simulate stands in cli/simulate.h, those of `mri` in cli/mri/). Their options are the same in every build; what they do stands in
// cli/study.cpp, and in cli/imaging_absent.cpp in a build without ITK, where they say so.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/progress.h"
#include "cli/prep_choice.h"
#include "cli/train_options.h"

namespace vitrine::cli {

struct StudyCommand {
  std::string cohort, output;
  int jobs = 2;
  std::shared_ptr<PrepChoice> choice = std::make_shared<PrepChoice>();
  ChosenWords words;
  bool plan = false;       // write the tasks, do none
  bool force_new = false;  // what is in the folder is set aside
  ProgressMode progress = ProgressMode::automatic;
};
void run_study(const StudyCommand& command);

struct TaskCommand {
  std::string study;
  std::optional<int> number;  // none: list them
  bool retrain_damaged = false;
  ProgressMode progress = ProgressMode::automatic;
};
void run_task(const TaskCommand& command);

struct DemoCommand {
  std::string output = "demo";
  std::string weights;  // empty: EfficientNet-Lite0's real weights when they were fetched
  ProgressMode progress = ProgressMode::automatic;
};
void run_demo(const DemoCommand& command);

bool has_imaging();  // built with ITK

}  // namespace vitrine::cli
