// The commands that need imaging, in a build without ITK: they say so.
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "cli/bench_imaging.h"
#include "cli/commands.h"
#include "cli/imaging_commands.h"
#include "cli/simulate.h"

namespace vitrine::cli {
namespace {

[[noreturn]] void refuse(const char* command) {
  throw Error(
      ExitCode::runtime,
      text("`vitrine ", command, "` needs ITK, and this program was built without it; rebuild with scripts/build --itk on"));
}

}  // namespace

bool has_imaging() { return false; }
void run_simulate(const SimulateCommand&) { refuse("simulate"); }
void run_study(const StudyCommand&) { refuse("study"); }
void run_bench_imaging(const BenchImagingCommand&) { refuse("bench imaging"); }
void run_task(const TaskCommand&) { refuse("task"); }
void run_demo(const DemoCommand&) { refuse("demo"); }

void add_mri(CLI::App& app, Chosen& chosen) {
  auto* mri = app.add_subcommand("mri", "work on MRI volumes (needs ITK, which this program was built without)");
  mri->prefix_command();  // whatever follows
  mri->callback([&chosen] { chosen = [] { refuse("mri"); }; });
}

void add_data(CLI::App& app, Chosen& chosen) {
  auto* data =
      app.add_subcommand("data", "make and check the table of a cohort (needs ITK, which this program was built without)");
  data->prefix_command();  // whatever follows
  data->callback([&chosen] { chosen = [] { refuse("data"); }; });
}

}  // namespace vitrine::cli
