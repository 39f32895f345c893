#include "imaging/simulator/cohort_simulator.h"

#include <algorithm>
#include <mutex>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/output.h"
#include "imaging/simulator/cohort_plan.h"
#include "imaging/simulator/patient.h"
#include "imaging/simulator/side_by_side.h"
#include "imaging/simulator/simulation_file.h"
#include "imaging/simulator/subject_writer.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCohort = "cohort.csv";

void check_lesions(const SimulateOptions& o) {
  if (o.lesions[0] == 0 && o.lesions[1] == 0) return;
  const CohortSize size = size_of(o);
  for (std::size_t c = 0; c < 2; ++c) {
    const int lowest = size.patients[c], highest = kMostLesionsOfPatient * size.patients[c];
    if (o.lesions[c] < lowest || o.lesions[c] > highest)
      throw UsageError(text("--lesions is ", o.lesions[0], ":", o.lesions[1], ", expected ", lowest, " to ", highest,
                            " of the ", size.patients[c], c == 0 ? " patients with NSCLC" : " patients with SCLC"));
  }
}

std::string cohort_csv(const std::vector<PlannedPatient>& patients) {
  std::string csv = csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask"});
  for (std::size_t i = 0; i < patients.size(); ++i) {
    const std::string id = patient_name(static_cast<std::uint32_t>(i + 1));
    csv += csv_line({id, patients[i].label, id + "/t1c.nii.gz", id + "/flair.nii.gz", id + "/t2.nii.gz", id + "/mask.nii.gz"});
  }
  return csv;
}

}  // namespace

void check(const SimulateOptions& o) {
  if (o.patients < 2 || o.patients > 10000) throw UsageError(text("--patients is ", o.patients, ", expected 2 to 10000"));
  if (o.sclc != 0 && (o.sclc < 1 || o.sclc >= o.patients))
    throw UsageError(text("--sclc is ", o.sclc, ", expected 1 to ", o.patients - 1, " of ", o.patients, " patients"));
  check_lesions(o);
  if (!(o.signal >= 0 && o.signal <= 2)) throw UsageError(text("--signal is ", o.signal, ", expected 0 to 2"));
  if (!(o.spacing_mm >= 0.5 && o.spacing_mm <= 5))
    throw UsageError(text("the spacing is ", o.spacing_mm, " mm, expected 0.5 to 5"));
  if (o.jobs < 1 || o.jobs > 256) throw UsageError(text("--jobs is ", o.jobs, ", expected 1 to 256"));
  check(o.scan);
  if (o.faults.size() > static_cast<std::size_t>(o.patients))
    throw UsageError(text("--faults has ", o.faults.size(), " faults, one for each patient, but --patients is ", o.patients,
                          "; give as many patients"));
}

SimulatedCohort simulate_cohort(const fs::path& out, const SimulateOptions& options, Progress& progress) {
  check(options);
  make_directory(out);
  const FolderLock lock(out);
  const Anatomy anatomy = load_anatomy(options.anatomy, std::max(1.0, options.spacing_mm));
  const std::vector<PlannedPatient> patients = plan_cohort(options);
  std::vector<std::string> names{kCohort};
  for (int n = 1; n <= options.patients; ++n) names.push_back(patient_name(static_cast<std::uint32_t>(n)));
  claim(out, simulation_json(options, anatomy.name, patients), names);
  std::mutex mutex;
  int done = 0;
  side_by_side(options.patients, options.jobs, [&](int i) {
    const auto place = static_cast<std::size_t>(i);
    const PlannedPatient& planned = patients[place];
    const Patient patient =
        make_patient(anatomy, options.seed, static_cast<std::uint32_t>(i + 1), planned.label, options.signal, planned.lesions);
    const std::string fault = place < options.faults.size() ? options.faults[place] : "";
    const bool made = write_subject(out, out / kCohort, anatomy, patient, options, fault);
    const std::scoped_lock one_line_at_a_time(mutex);
    progress.line(text("simulate  ", ++done, "/", options.patients, "  ", patient.id, "  ", planned.lesions,
                       planned.lesions == 1 ? " lesion" : " lesions", fault.empty() ? "" : ", fault: " + fault,
                       made ? "" : ", kept"));
  });
  write_file(out / kCohort, cohort_csv(patients));
  int lesions = 0;
  for (const PlannedPatient& p : patients) lesions += p.lesions;
  return {out / kCohort, anatomy.name, lesions};
}

}  // namespace vitrine::imaging
