// The options of simulate, study and demo.
#include "cli/imaging_commands.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/bench.h"
#include "cli/bench_imaging.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/progress_options.h"
#include "cli/train_options.h"

namespace vitrine::cli {

namespace {

void add_scan_options(CLI::App* sim, SimulateCommand& c) {
  const std::string group = "Scanner (asking for any of these, all signals come from the sequences' equations)";
  const auto add = [&](const char* name, auto& value, const char* about) { sim->add_option(name, value, about)->group(group); };
  add("--t1c", c.t1c, "sequence of T1c: spgr, mprage, se, or mix");
  add("--t1c-thickness", c.t1c_thickness, "mm; default: as fine as in the plane");
  add("--t1c-oblique", c.t1c_oblique, "degrees that T1c's slices are tilted by");
  add("--plane", c.plane, "T1c's slices: axial, sagittal, coronal, or mix");
  add("--oblique", c.oblique, "degrees that FLAIR's and T2's slices are tilted by at most");
  add("--neck", c.neck, "mm below the brain that are in the picture: 0 cuts at the skull base");
  add("--slice", c.slice, "mm of FLAIR's and T2's slices: 5 or 3:6 (drawn between)");
  add("--gap", c.gap, "mm between them");
  add("--in-plane", c.in_plane, "mm of their pixels, for example 0.43:0.94");
  add("--noise", c.noise, "percent of white matter: 3 or 1:9");
  add("--noise-centre", c.noise_centre, "how many times more noise in the middle (parallel imaging), 1 to 4");
  add("--bias", c.bias, "percent of the coil's field over the head, peak to peak: 40 or 0:60");
  add("--bias-shape", c.bias_shape, "spline or cosine");
  add("--motion", c.motion, "mm that the head moves between series at most, per axis");
  add("--rotation", c.rotation, "the same in degrees");
  add("--orders", c.orders, "how files store their axes: RAS or another of the 48, or mix");
  add("--sites", c.sites, "scanners of different vendors and settings");
  add("--kappa", c.kappa, "0 to 1: how much the scanner tells the class");
}

}  // namespace

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
  sim->add_option("--t1c-spacing", simulate->t1c_spacing, "mm of T1c's pixels")->capture_default_str();
  sim->add_flag("--truth", simulate->truth, "brain masks, fields and tissues beside the images");
  sim->add_option("--faults", simulate->faults,
                  "planted in one subject each, between commas, or all; `--faults help` lists them");
  add_progress_options(sim, simulate->progress);
  add_scan_options(sim, *simulate);
  sim->footer("Example: vitrine simulate -o cohort --patients 12 --seed 1");
  sim->callback([=, &chosen] { chosen = [=] { run_simulate(*simulate); }; });
}

void add_bench_imaging(CLI::App* bench, Chosen& chosen) {
  const auto imaging = std::make_shared<BenchImagingCommand>();
  auto* b = bench->add_subcommand("imaging", "registration, brains and bias fields against simulated truth")->fallthrough();
  b->add_option("-o,--output", imaging->output, "folder for scores.json; peers/*.json in it become columns");
  b->add_option("--cases", imaging->cases, "heads")->capture_default_str();
  b->add_option("--anatomy", imaging->anatomy, "as of simulate");
  b->add_option("--template", imaging->head, "as of mri brain");
  b->add_flag("--quick", imaging->quick, "2 mm: only whether it runs");
  b->add_flag("--keep", imaging->keep, "leave the heads in FOLDER/cases, for bench/imaging/peers.py");
  b->add_flag("--again", imaging->again, "print what FOLDER/scores.json holds");
  b->add_flag("--markdown", imaging->markdown, "the table in Markdown");
  b->add_flag("--check", imaging->check, "exit code 1 when a figure misses what it must reach");
  add_progress_options(b, imaging->progress);
  b->footer("Example: vitrine bench imaging -o bench-imaging --cases 8 --keep");
  b->callback([=, &chosen] { chosen = [=] { run_bench_imaging(*imaging); }; });
}

void add_study(CLI::App& app, Chosen& chosen) {
  const auto study = std::make_shared<StudyCommand>();
  auto* s = app.add_subcommand("study", "the whole study: prep, split, cross-validation over four inputs, report");
  s->add_option("cohort", study->cohort, "CSV: subject_id, label, t1c, mask [, flair, t2, brain_mask, mask_labels, ...]")
      ->required();
  s->add_option("-o,--output", study->output, "folder to write; finished stages in it are kept")->required();
  s->add_option("--jobs", study->jobs, "subjects at a time in prep")->capture_default_str();
  add_prep_choice(*s, study->choice);
  add_progress_options(s, study->progress);
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
  add_progress_options(d, demo->progress);
  d->footer("Example: vitrine demo -o demo");
  d->callback([=, &chosen] { chosen = [=] { run_demo(*demo); }; });
}

}  // namespace vitrine::cli
