// The commands that need imaging, in a build without ITK: they say so.

#include "base/error.h"
#include "cli/audit_lineage.h"
#include "cli/bench_imaging.h"
#include "cli/command.h"
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

UseOrigin volume_origin(const Manifest&, const PixelUse&, const std::string&) {
  UseOrigin origin;
  origin.ends_at_crop = "the chain ends at the crop's file: this program was built without ITK and reads no volumes";
  return origin;
}
VoxelTouches voxel_touches(const Manifest&, const std::string&, const std::array<std::int64_t, 3>&) {
  refuse("audit lineage --voxel");
}
std::vector<Fingerprint> volume_fingerprints(const Manifest&, std::string& left_out) {
  left_out = "the files of the volumes were not compared: this program was built without ITK";
  return {};
}

void add_mri(Command app, Chosen& chosen) {
  const auto mri = app.add_subcommand("mri", "work on MRI volumes (needs ITK, which this program was built without)");
  mri.prefix_command();  // whatever follows
  mri.callback([&chosen] { chosen = [] { refuse("mri"); }; });
}

void add_data(Command app, Chosen& chosen) {
  const auto data =
      app.add_subcommand("data", "make and check the table of a cohort (needs ITK, which this program was built without)");
  data.prefix_command();  // whatever follows
  data.callback([&chosen] { chosen = [] { refuse("data"); }; });
}

}  // namespace vitrine::cli
