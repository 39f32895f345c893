#include "imaging/simulator/cohort_simulator.h"

#include <algorithm>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/output.h"
#include "data/permutation.h"
#include "imaging/simulator/patient.h"
#include "imaging/simulator/subject_writer.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLabelOp = 5;
constexpr const char* kCohort = "cohort.csv";
constexpr const char* kSimulation = "simulation.json";
constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;

void check(const SimulateOptions& o) {
  if (o.patients < 2 || o.patients > 10000) throw UsageError(text("--patients is ", o.patients, ", expected 2 to 10000"));
  if (!(o.signal >= 0 && o.signal <= 2)) throw UsageError(text("--signal is ", o.signal, ", expected 0 to 2"));
  if (!(o.spacing_mm >= 0.5 && o.spacing_mm <= 5))
    throw UsageError(text("the spacing is ", o.spacing_mm, " mm, expected 0.5 to 5"));
  check(o.scan);
  if (o.faults.size() > static_cast<std::size_t>(o.patients))
    throw UsageError(text("--faults has ", o.faults.size(), " faults, one for each patient, but --patients is ", o.patients,
                          "; give as many patients"));
}

// 40 % SCLC as in the paper, but at least six of them where there are twelve subjects or more: a test part and five folds need one each.
std::vector<std::string> draw_labels(int patients, std::uint64_t seed) {
  const int share = (4 * patients + 5) / 10;
  const int sclc = std::clamp(std::max(share, 6), 1, patients / 2);
  std::vector<std::string> labels(static_cast<std::size_t>(patients), "NSCLC");
  const std::vector<int> order = permutation({.seed = seed, .purpose = Purpose::simulate, .op = kLabelOp}, patients);
  for (int i = 0; i < sclc; ++i) labels[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = "SCLC";
  return labels;
}

// A folder belongs to the simulation that simulation.json describes; it is written first. What is there without it is somebody's own.
void claim(const fs::path& out, const Json& simulation) {
  const std::string text_of = json_text(simulation);
  if (path_exists(out / kSimulation)) {
    if (as<DataError>([&] { return read_file(out / kSimulation, kMaxJson); }) == text_of) return;
    throw UsageError(text(out, " holds a simulation with other options; choose another folder or delete it"));
  }
  std::vector<std::string> names{kCohort};
  for (std::uint32_t n = 1; n <= simulation.at("patients"); ++n) names.push_back(patient_name(n));
  for (const std::string& name : names) {
    if (path_exists(out / name))
      throw UsageError(text(out / name, " is there, but no ", kSimulation, " of a simulation; choose another folder"));
  }
  write_file(out / kSimulation, text_of);
}

}  // namespace

SimulatedCohort simulate_cohort(const fs::path& out, const SimulateOptions& options, Progress& progress) {
  check(options);
  make_directory(out);
  const FolderLock lock(out);
  const Anatomy anatomy = load_anatomy(options.anatomy, std::max(1.0, options.spacing_mm));
  Json simulation = options_json(options, anatomy.name);
  simulation["patients"] = options.patients;
  simulation["oracle_auc"] = oracle_auc(options.seed, options.signal);
  claim(out, simulation);
  const std::vector<std::string> labels = draw_labels(options.patients, options.seed);
  std::string csv = csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask"});
  for (int i = 0; i < options.patients; ++i) {
    check_interrupt("simulation");
    const Patient patient = make_patient(anatomy, options.seed, static_cast<std::uint32_t>(i + 1),
                                         labels[static_cast<std::size_t>(i)], options.signal);
    const auto place = static_cast<std::size_t>(i);
    const std::string fault = place < options.faults.size() ? options.faults[place] : "";
    const bool made = write_subject(out, out / kCohort, anatomy, patient, options, fault);
    progress.line(text("simulate  ", i + 1, "/", options.patients, "  ", patient.id, "  ", patient.lesions.size(),
                       patient.lesions.size() == 1 ? " lesion" : " lesions", fault.empty() ? "" : ", fault: " + fault,
                       made ? "" : ", kept"),
                  {.event = "item", .done = i + 1, .total = options.patients});
    csv += csv_line({patient.id, patient.label, patient.id + "/t1c.nii.gz", patient.id + "/flair.nii.gz",
                     patient.id + "/t2.nii.gz", patient.id + "/mask.nii.gz"});
  }
  write_file(out / kCohort, csv);
  return {out / kCohort, anatomy.name};
}

}  // namespace vitrine::imaging
