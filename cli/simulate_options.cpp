// The options of simulate.
#include <cmath>
#include <memory>

#include "base/error.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/progress_options.h"
#include "cli/simulate.h"

namespace vitrine::cli {

namespace {

void add_scan_options(Command sim, SimulateCommand& c) {
  const std::string group = "Scanner (asking for any of these, all signals come from the sequences' equations)";
  const auto add = [&](const char* name, auto& value, const char* about) { sim.add_option(name, value, about).group(group); };
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

// The cohort of Grossman et al. 2021: 44 patients with NSCLC and 25 with SCLC, 102 tumours (61 and 41: docs/simulator.md), scanners of GE, Siemens
// and Philips as 44 : 55 : 2. With another number of patients the shares stay.
constexpr int kPaperPatients = 69, kPaperSclc = 25, kPaperNsclcLesions = 61, kPaperSclcLesions = 41, kPaperSites = 101;

int in_proportion(int of, int part, int whole) { return static_cast<int>(std::lround(static_cast<double>(of) * part / whole)); }

// Gives an option the preset's value where the command line says nothing.
void take(Command sim, SimulateCommand& c, const std::string& option, const std::string& value) {
  const Option o = sim.get_option("--" + option);
  if (o.is_given()) return;
  o.set(value);
  c.taken.emplace_back(option, value);
}

void apply_preset(Command sim, SimulateCommand& c) {
  if (c.preset.empty()) return;
  if (c.preset != "paper") throw UsageError(text("--preset is '", printable(c.preset), "', expected paper"));
  take(sim, c, "patients", std::to_string(kPaperPatients));
  take(sim, c, "sclc", std::to_string(in_proportion(c.patients, kPaperSclc, kPaperPatients)));
  const int nsclc = c.patients - c.sclc;
  take(sim, c, "lesions",
       text(in_proportion(nsclc, kPaperNsclcLesions, kPaperPatients - kPaperSclc), ":",
            in_proportion(c.sclc, kPaperSclcLesions, kPaperSclc)));
  take(sim, c, "sites", std::to_string(kPaperSites));
}

// What one option of these says another says, too.
void check_together(Command sim, const SimulateCommand& c) {
  const auto given = [&](const char* option) { return sim.get_option(option).is_given(); };
  if (given("--difficulty") && given("--signal")) throw UsageError("--difficulty chooses --signal; give one of them");
  if (given("--difficulty") && !(c.difficulty >= 0.5 && c.difficulty < 1))
    throw UsageError(text("--difficulty is ", c.difficulty, ", expected an AUC from 0.5 to below 1"));
  if (given("--difficulty-level") && !given("--difficulty"))
    throw UsageError("--difficulty-level says what --difficulty is the AUC of; give --difficulty, too");
  if (c.output.empty() && !c.oracle_table && c.faults != "help")
    throw UsageError("--output is required; see `vitrine simulate --help`");
}

}  // namespace

void add_simulate(Command app, Chosen& chosen) {
  const auto simulate = std::make_shared<SimulateCommand>();
  const auto sim = app.add_subcommand("simulate", "make a synthetic cohort with known truth");
  sim.add_option("-o,--output", simulate->output, "folder to write");
  sim.add_option("--preset", simulate->preset, "paper: the cohort of Grossman et al. 2021; other options given beside it win");
  sim.add_option("--patients", simulate->patients, "number of patients").capture_default_str();
  sim.add_option("--sclc", simulate->sclc, "how many of them have SCLC; default: 40 %, at least six of twelve or more");
  sim.add_option("--lesions", simulate->lesions,
                 "how many NSCLC and SCLC have together, dealt to the patients: 61:41; default: drawn for each patient");
  sim.add_option("--jobs", simulate->jobs, "patients at a time").capture_default_str();
  sim.add_option("--seed", simulate->seed, "of every random draw").check(whole_number).capture_default_str();
  sim.add_option("--signal", simulate->signal, "difference between the classes: 0 none, 1 full, at most 2")
      .capture_default_str();
  sim.add_option("--difficulty", simulate->difficulty,
                 "AUC, 0.5 to below 1, of the best rule that knows the truth behind all three series: chooses --signal");
  sim.add_option("--difficulty-level", simulate->difficulty_level, "of that AUC: slice (default), lesion or subject");
  sim.add_flag("--oracle-table", simulate->oracle_table,
               "print that AUC for a row of signals, and the signals for a row of AUCs");
  sim.add_option("--anatomy", simulate->anatomy,
                 "T1 head (NIfTI), or 'procedural'; default: mricron's ch2 where it is installed");
  sim.add_option("--t1c-spacing", simulate->t1c_spacing, "mm of T1c's pixels").capture_default_str();
  sim.add_flag("--truth", simulate->truth, "brain masks, fields and tissues beside the images");
  sim.add_option("--faults", simulate->faults,
                 "planted in one subject each, between commas, or all; `--faults help` lists them");
  sim.add_flag(
      "--crops", simulate->crops,
      "instead of volumes the crops that perfect preparation would make of them: OUT/manifest.csv, for split, train and cv");
  add_progress_options(sim, simulate->progress);
  add_scan_options(sim, *simulate);
  sim.footer(
      "Example: vitrine simulate -o cohort --patients 12 --seed 1\n"
      "         vitrine simulate -o cohort --preset paper --signal 0.35 --jobs 2");
  sim.callback([=, &chosen] {
    chosen = [=] {
      apply_preset(sim, *simulate);
      check_together(sim, *simulate);
      run_simulate(*simulate);
    };
  });
}

}  // namespace vitrine::cli
