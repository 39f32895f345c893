// simulate.
#include "cli/simulate.h"

#include <cstdio>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "imaging/simulator/cohort_simulator.h"
#include "imaging/simulator/crop_simulator.h"
#include "imaging/simulator/fault.h"
#include "imaging/simulator/oracle.h"

namespace vitrine::cli {
namespace {

imaging::ScanOptions scan_options(const SimulateCommand& c) {
  imaging::ScanOptions o;
  o.t1c = c.t1c;
  o.plane = c.plane;
  o.t1c_thickness = c.t1c_thickness;
  o.t1c_oblique = c.t1c_oblique;
  o.oblique = c.oblique;
  o.neck_mm = c.neck;
  const auto range = [](const std::string& words, const char* option) {
    return words.empty() ? imaging::Range{} : imaging::parse_range(words, option);
  };
  o.slice_mm = range(c.slice, "--slice");
  o.gap_mm = range(c.gap, "--gap");
  o.in_plane_mm = range(c.in_plane, "--in-plane");
  o.noise_percent = range(c.noise, "--noise");
  o.noise_centre = c.noise_centre;
  o.bias_percent = range(c.bias, "--bias");
  o.bias_shape = c.bias_shape;
  o.motion_mm = c.motion;
  o.motion_degrees = c.rotation;
  o.orders = c.orders;
  o.sites = c.sites;
  o.kappa = c.kappa;
  return o;
}

// "61:41".
std::array<int, 2> lesion_counts(const std::string& words) {
  if (words.empty()) return {};
  const std::size_t colon = words.find(':');
  std::int64_t nsclc = 0, sclc = 0;
  if (colon == std::string::npos || !parse_number(std::string_view(words).substr(0, colon), nsclc) ||
      !parse_number(std::string_view(words).substr(colon + 1), sclc) || nsclc < 1 || sclc < 1 || nsclc > 40000 || sclc > 40000)
    throw UsageError(text("--lesions is '", printable(words), "', expected the numbers of NSCLC and SCLC, for example 61:41"));
  return {static_cast<int>(nsclc), static_cast<int>(sclc)};
}

imaging::OracleLevel difficulty_level(const SimulateCommand& c) {
  return c.difficulty_level.empty() ? imaging::OracleLevel::slice : imaging::oracle_level_named(c.difficulty_level);
}

// Where values come from that were not given as they are.
Json asked(const SimulateCommand& c) {
  Json out = Json::object();
  if (!c.preset.empty()) {
    Json chosen = Json::object();
    for (const auto& [option, value] : c.taken) chosen[option] = value;
    out["preset"] = {{"name", c.preset}, {"chose", std::move(chosen)}};
  }
  if (c.difficulty >= 0) out["difficulty"] = {{"auc", c.difficulty}, {"level", name_of(difficulty_level(c))}};
  return out;
}

imaging::SimulateOptions simulate_options(const SimulateCommand& command) {
  imaging::SimulateOptions options;
  options.patients = command.patients;
  options.sclc = command.sclc;
  options.lesions = lesion_counts(command.lesions);
  options.seed = command.seed;
  options.signal = command.signal;
  options.anatomy = command.anatomy;
  options.spacing_mm = command.t1c_spacing;
  options.scan = scan_options(command);
  options.faults = imaging::parse_faults(command.faults);
  options.truth = command.truth;
  options.jobs = command.jobs;
  options.asked = asked(command);
  check(options);
  const imaging::OracleLevel level = difficulty_level(command);
  if (command.difficulty >= 0) options.signal = imaging::signal_for(command.difficulty, level, imaging::size_of(options));
  return options;
}

constexpr std::array<double, 10> kTableSignals{0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.75, 1};
constexpr std::array<double, 9> kTableAucs{0.55, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99};

// In Markdown, for a cohort of this size.
void print_oracle_table(const imaging::CohortSize& size) {
  using imaging::OracleLevel;
  std::printf("| signal | slice and lesion: T1c | FLAIR or T2 | all three | subject: T1c | FLAIR or T2 | all three |\n");
  std::printf("|---|---|---|---|---|---|---|\n");
  for (const double signal : kTableSignals) {
    std::string row = "| " + fixed(signal, 2);
    for (const OracleLevel level : {OracleLevel::lesion, OracleLevel::subject}) {
      for (const char* inputs : {"t1c", "t2", "t1c+flair+t2"})
        row += " | " + fixed(imaging::population_auc(level, imaging::seen_series(inputs), size, signal), 3);
    }
    std::printf("%s |\n", row.c_str());
  }
  std::printf("\n| AUC, all three series | signal: slice and lesion | subject |\n|---|---|---|\n");
  for (const double auc : kTableAucs)
    std::printf("| %s | %s | %s |\n", fixed(auc, 2).c_str(),
                fixed(imaging::signal_for(auc, OracleLevel::lesion, size), 4).c_str(),
                fixed(imaging::signal_for(auc, OracleLevel::subject, size), 4).c_str());
}

}  // namespace

void run_simulate(const SimulateCommand& command) {
  if (command.faults == "help") {
    for (const imaging::Fault& f : imaging::known_faults()) std::printf("%-18s %s\n", f.name, f.what);
    return;
  }
  const imaging::SimulateOptions options = simulate_options(command);
  if (command.oracle_table) return print_oracle_table(imaging::size_of(options));
  if (command.crops) {
    check_output_folder(command.output, {command.anatomy}, {"manifest.csv", "simulation.json", "crops", "previews"});
  } else {
    check_output_folder(command.output, {command.anatomy}, {"cohort.csv", "simulation.json", "sub-*"});
  }
  if (command.difficulty >= 0) {
    const imaging::OracleLevel level = difficulty_level(command);
    const double auc = imaging::population_auc(level, {true, true, true}, imaging::size_of(options), options.signal);
    std::printf("signal %s: the best rule that knows the truth has an AUC of %s (%s, all three series)\n",
                shortest(options.signal).c_str(), fixed(auc, 4).c_str(), name_of(level));
    std::fflush(stdout);
  }
  Progress progress(command.progress);
  if (command.crops) {
    const Manifest manifest = imaging::simulate_crops(command.output, options, progress);
    std::printf("%s  (%zu crops of %d synthetic patients)\n", shown(manifest.path).c_str(), manifest.samples.size(),
                command.patients);
    return;
  }
  const imaging::SimulatedCohort cohort = imaging::simulate_cohort(command.output, options, progress);
  std::printf("%s  (%d synthetic patients, %d lesions, anatomy %s)\n", shown(cohort.csv).c_str(), command.patients,
              cohort.lesions, printable(cohort.anatomy).c_str());
}

}  // namespace vitrine::cli
