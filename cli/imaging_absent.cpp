// The commands that need imaging, in a build without ITK: they say so.
#include "base/error.h"
#include "cli/imaging_commands.h"

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
void run_prep(const PrepCommand&) { refuse("mri prep"); }
void run_study(const StudyCommand&) { refuse("study"); }
void run_demo(const DemoCommand&) { refuse("demo"); }

}  // namespace vitrine::cli
