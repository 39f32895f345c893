// The options of study, demo and bench imaging.
#include "cli/imaging_commands.h"

#include <memory>

#include "cli/bench.h"
#include "cli/bench_imaging.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/progress_options.h"
#include "cli/train_options.h"

namespace vitrine::cli {

void add_bench_imaging(Command bench, Chosen& chosen) {
  const auto imaging = std::make_shared<BenchImagingCommand>();
  const auto b = bench.add_subcommand("imaging", "registration, brains and bias fields against simulated truth").fallthrough();
  b.add_option("-o,--output", imaging->output, "folder for scores.json; peers/*.json in it become columns");
  b.add_option("--cases", imaging->cases, "heads").capture_default_str();
  b.add_option("--anatomy", imaging->anatomy, "as of simulate");
  b.add_option("--template", imaging->head, "as of mri brain");
  b.add_flag("--quick", imaging->quick, "2 mm: only whether it runs");
  b.add_flag("--keep", imaging->keep, "leave the heads in FOLDER/cases, for bench/imaging/peers.py");
  b.add_flag("--again", imaging->again, "print what FOLDER/scores.json holds");
  b.add_flag("--markdown", imaging->markdown, "the table in Markdown");
  b.add_flag("--check", imaging->check, "exit code 1 when a figure misses what it must reach");
  add_progress_options(b, imaging->progress);
  b.footer("Example: vitrine bench imaging -o bench-imaging --cases 8 --keep");
  b.callback([=, &chosen] { chosen = [=] { run_bench_imaging(*imaging); }; });
}

void add_study(Command app, Chosen& chosen) {
  const auto study = std::make_shared<StudyCommand>();
  const auto s = app.add_subcommand("study", "the whole study: prep, split, cross-validation over four inputs, report");
  s.add_option(
       "cohort", study->cohort,
       "CSV: subject_id, label, t1c, mask [, flair, t2, brain_mask, mask_labels, ...]; or the manifest.csv of prepared crops")
      .required();
  s.add_option("-o,--output", study->output, "folder to write; finished stages in it are kept").required();
  s.add_option("--jobs", study->jobs, "subjects at a time in prep").capture_default_str();
  s.add_flag("--plan", study->plan,
             "write the study's tasks to plan.csv and do none: `vitrine task` does them, on any machine");
  s.add_flag("--force-new", study->force_new, "begin anew: what the folder holds is kept beside it under another name");
  add_prep_choice(s, study->choice);
  add_progress_options(s, study->progress);
  study->words.groups = groups_with("split");
  add_rows(s, "split", taken_by(study->words));
  add_run_options(s, study->words);
  s.footer("Example: vitrine study cohort/cohort.csv -o out --weights efficientnet_b0.pth --epochs 100");
  s.callback([=, &chosen] { chosen = [=] { run_study(*study); }; });
}

void add_task(Command app, Chosen& chosen) {
  const auto task = std::make_shared<TaskCommand>();
  const auto t = app.add_subcommand("task", "one task of a study that was planned, or the list of them with their state");
  t.add_option("study", task->study, "folder of `vitrine study --plan`").required();
  t.add_option("number", task->number, "of the task; without it all are listed: done, open, or taken by a process");
  t.add_flag("--retrain-damaged", task->retrain_damaged,
             "train a finished fold again when one of its files was changed or damaged; without it the task is refused");
  add_progress_options(t, task->progress);
  t.footer("Example: vitrine study cohort/cohort.csv -o out --plan && vitrine task out 0");
  t.callback([=, &chosen] { chosen = [=] { run_task(*task); }; });
}

void add_demo(Command app, Chosen& chosen) {
  const auto demo = std::make_shared<DemoCommand>();
  const auto d = app.add_subcommand("demo", "simulate 12 patients and run the study on them with a shortened schedule");
  d.add_option("-o,--output", demo->output, "folder to write").capture_default_str();
  d.add_option("--weights", demo->weights,
               "checkpoint to start from; default: weights/files/efficientnet_lite0.pth if it was fetched");
  add_progress_options(d, demo->progress);
  d.footer("Example: vitrine demo -o demo");
  d.callback([=, &chosen] { chosen = [=] { run_demo(*demo); }; });
}

}  // namespace vitrine::cli
