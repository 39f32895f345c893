// The options of simulate, study and demo.
#include "cli/imaging_commands.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/train_options.h"

namespace vitrine::cli {

void add_simulate(CLI::App& app, Chosen& chosen) {
  const auto simulate = std::make_shared<SimulateCommand>();
  auto* sim = app.add_subcommand("simulate", "make a synthetic cohort with known truth");
  sim->add_option("-o,--output", simulate->output, "folder to write")->required();
  sim->add_option("--patients", simulate->patients, "number of patients")->capture_default_str();
  sim->add_option("--seed", simulate->seed, "of every random draw")->check(whole_number())->capture_default_str();
  sim->add_option("--signal", simulate->signal, "difference between the classes: 0 none, 1 full, at most 2")
      ->capture_default_str();
  sim->add_option("--anatomy", simulate->anatomy,
                  "T1 head (NIfTI), or 'procedural'; default: mricron's ch2 where it is installed");
  sim->add_flag("-q,--quiet", simulate->quiet, "no progress lines");
  sim->footer("Example: vitrine simulate -o cohort --patients 12 --seed 1");
  sim->callback([=, &chosen] { chosen = [=] { run_simulate(*simulate); }; });
}

void add_study(CLI::App& app, Chosen& chosen) {
  const auto study = std::make_shared<StudyCommand>();
  auto* s = app.add_subcommand("study", "the whole study: prep, split, cross-validation over four inputs, report");
  s->add_option("cohort", study->cohort, "CSV: subject_id, label, t1c, flair, t2, mask [, brain_mask]")->required();
  s->add_option("-o,--output", study->output, "folder to write; finished stages in it are kept")->required();
  s->add_option("--jobs", study->jobs, "subjects at a time in prep")->capture_default_str();
  s->add_flag("-q,--quiet", study->quiet, "no progress lines");
  study->words.groups = groups_with("split");
  add_rows(s, "split", taken_by(study->words));
  add_run_options(s, study->words);
  s->footer("Example: vitrine study cohort/cohort.csv -o out --weights efficientnet_b0.pth --epochs 100");
  s->callback([=, &chosen] { chosen = [=] { run_study(*study); }; });
}

void add_demo(CLI::App& app, Chosen& chosen) {
  const auto demo = std::make_shared<DemoCommand>();
  auto* d = app.add_subcommand("demo", "simulate 12 patients and run the study on them with a shortened schedule");
  d->add_option("-o,--output", demo->output, "folder to write")->capture_default_str();
  d->add_option("--weights", demo->weights,
                "checkpoint to start from; default: weights/files/efficientnet_lite0.pth if it was fetched");
  d->add_flag("-q,--quiet", demo->quiet, "no progress lines");
  d->footer("Example: vitrine demo -o demo");
  d->callback([=, &chosen] { chosen = [=] { run_demo(*demo); }; });
}

}  // namespace vitrine::cli
