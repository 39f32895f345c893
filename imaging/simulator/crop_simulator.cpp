#include "imaging/simulator/crop_simulator.h"

#include <algorithm>
#include <mutex>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/output.h"
#include "imaging/crop_file.h"
#include "imaging/simulator/cropped_patient.h"
#include "imaging/simulator/side_by_side.h"
#include "imaging/simulator/simulation_file.h"
#include "imaging/simulator/subject_writer.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "manifest.csv";

void refuse_volumes_options(const SimulateOptions& o) {
  const auto refuse = [](const char* option) {
    throw UsageError(text("--crops makes no volumes, so that ", option, " has no meaning; leave one of them out"));
  };
  if (!o.faults.empty()) refuse("--faults");
  if (o.truth) refuse("--truth");
  if (!o.scan.orders.empty()) refuse("--orders");
  if (o.scan.bias_percent.is_set) refuse("--bias");
  if (!o.scan.bias_shape.empty()) refuse("--bias-shape");
}

std::vector<Sample> write_patient(const fs::path& out, const Anatomy& anatomy, const SimulateOptions& options,
                                  const Patient& patient) {
  const ScannedHead head(anatomy, patient, options.scan.neck_mm >= 0);
  const CropOptions crop;
  const CroppedPatient cropped = cropped_patient(head, scans_of(head, options), options.seed, crop);
  std::vector<Sample> samples;
  for (const LesionSlice& slice : cropped.lesions.slices) {
    const MadeCrop made = make_crop({patient.id, patient.label, ""}, slice, cropped.channels, crop.size);
    write_file(out / made.recorded.sample.file, made.crop);
    write_file(out / made.recorded.sample.preview, made.preview);
    samples.push_back(made.recorded.sample);
  }
  return samples;
}

}  // namespace

Manifest simulate_crops(const fs::path& out, const SimulateOptions& options, Progress& progress) {
  check(options);
  refuse_volumes_options(options);
  make_directory(out);
  const FolderLock lock(out);
  const Anatomy anatomy = load_anatomy(options.anatomy, std::max(1.0, options.spacing_mm));
  const std::vector<PlannedPatient> patients = plan_cohort(options);
  Json simulation = simulation_json(options, anatomy.name, patients);
  simulation["crops"] = true;
  claim(out, simulation, {kManifest, "crops", "previews"});
  std::error_code problem;
  fs::remove(out / kManifest, problem);
  if (problem) throw FileError(text("cannot remove ", out / kManifest, ": ", problem.message()));
  for (const char* folder : {"crops", "previews"}) {
    make_directory(out / folder);
    check_plain_files(out / folder);
  }
  std::vector<std::vector<Sample>> samples(patients.size());
  std::mutex mutex;
  int done = 0;
  side_by_side(options.patients, options.jobs, [&](int i) {
    const auto place = static_cast<std::size_t>(i);
    const Patient patient = make_patient(anatomy, options.seed, static_cast<std::uint32_t>(i + 1), patients[place].label,
                                         options.signal, patients[place].lesions);
    samples[place] = write_patient(out, anatomy, options, patient);
    const std::scoped_lock one_line_at_a_time(mutex);
    progress.line(text("simulate  ", ++done, "/", options.patients, "  ", patient.id, "  ", samples[place].size(), " crops"));
  });
  Manifest manifest;
  manifest.path = out / kManifest;
  for (const std::vector<Sample>& of_patient : samples)
    manifest.samples.insert(manifest.samples.end(), of_patient.begin(), of_patient.end());
  write_manifest(manifest);
  return manifest;
}

}  // namespace vitrine::imaging
