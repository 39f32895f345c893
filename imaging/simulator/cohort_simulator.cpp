#include "imaging/simulator/cohort_simulator.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <system_error>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/output.h"
#include "data/permutation.h"
#include "imaging/formats/nifti.h"
#include "imaging/simulator/patient.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLabelOp = 5;
constexpr const char* kCohort = "cohort.csv";
constexpr const char* kTruth = "truth.json";
constexpr const char* kSimulation = "simulation.json";
constexpr const char* kFiles = "files_sha256";
constexpr std::array<const char*, 4> kVolumes{"t1c.nii.gz", "flair.nii.gz", "t2.nii.gz", "mask.nii.gz"};
constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr const char* kNote = "synthetic: not patient data";
constexpr int kVersion = 1;  // of the model: raise it when a volume changes

void check(const SimulateOptions& o) {
  if (o.patients < 2 || o.patients > 10000) throw UsageError(text("--patients is ", o.patients, ", expected 2 to 10000"));
  if (!(o.signal >= 0 && o.signal <= 2)) throw UsageError(text("--signal is ", o.signal, ", expected 0 to 2"));
  if (!(o.spacing_mm >= 0.5 && o.spacing_mm <= 5))
    throw UsageError(text("the spacing is ", o.spacing_mm, " mm, expected 0.5 to 5"));
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

Json options_json(const SimulateOptions& o, const std::string& anatomy) {
  return {{"note", kNote},      {"version", kVersion}, {"seed", o.seed},
          {"signal", o.signal}, {"anatomy", anatomy},  {"spacing_mm", o.spacing_mm}};
}

Json vector_json(const Vec3& v) { return Json::array({v[0], v[1], v[2]}); }

Json truth_json(const Patient& patient, const std::vector<SeriesProtocol>& protocols) {
  Json truth = Json::object();
  truth["subject_id"] = patient.id;
  truth["label"] = patient.label;
  truth["lesions"] = Json::array();
  for (const Lesion& l : patient.lesions) {
    truth["lesions"].push_back({{"centre_mm", vector_json(l.centre)},
                                {"radius_mm", l.latents.radius_mm},
                                {"core_fraction", l.latents.core_fraction},
                                {"irregularity", l.latents.irregularity},
                                {"gadolinium_mM", l.latents.gadolinium_mM},
                                {"texture", l.latents.texture},
                                {"t2_ms", l.latents.t2_ms},
                                {"oedema", l.latents.oedema},
                                {"cerebellar", l.latents.cerebellar}});
  }
  const char* names[] = {"t1c", "flair", "t2"};
  for (std::size_t i = 0; i < protocols.size(); ++i) {
    const SeriesProtocol& p = protocols[i];
    truth[names[i]] = {{"angles_rad", vector_json(p.from_t1c.angles)},
                       {"translation_mm", vector_json(p.from_t1c.translation)},
                       {"centre_mm", vector_json(p.from_t1c.centre)},
                       {"noise", p.noise},
                       {"gain", p.gain},
                       {"field", Json::array({vector_json(p.field[0]), vector_json(p.field[1]), vector_json(p.field[2])})}};
  }
  return truth;
}

// truth.json is sealed and names the hash of each volume beside the truth, so that a damaged volume is made again.
bool is_finished(const fs::path& folder, const Json& truth) {
  if (!path_exists(folder / kTruth)) return false;
  try {
    Json found = parse_sealed_json(read_file(folder / kTruth, kMaxJson));
    const Json files = member(found, kFiles);
    found.erase(kFiles);
    if (found != truth) return false;
    for (const char* name : kVolumes) {
      if (sha256_of_file(folder / name, kMaxNiftiBytes) != text_in(files, name)) return false;
    }
    return true;
  } catch (const FileError&) {
    return false;
  } catch (const std::runtime_error&) {
    return false;
  }
}

void remove_if_there(const fs::path& file) {
  std::error_code problem;
  fs::remove(file, problem);
  if (problem) throw FileError(text("cannot remove ", file, ": ", problem.message()));
}

// Volumes first, truth.json last: its presence says that the subject is finished.
bool write_patient(const fs::path& out, const Anatomy& anatomy, const Patient& patient, const SimulateOptions& options) {
  std::vector<SeriesProtocol> protocols;
  for (const Series s : {Series::t1c, Series::flair, Series::t2})
    protocols.push_back(series_protocol(anatomy, options.seed, patient.number, s, options.spacing_mm));
  Json truth = truth_json(patient, protocols);
  truth["options"] = options_json(options, anatomy.name);
  const fs::path folder = out / patient.id;
  check_plain_files(folder);
  if (is_finished(folder, truth)) return false;
  // What says that the cohort or the subject is finished goes before anything of it changes.
  for (const fs::path& finished : {out / kCohort, folder / kTruth}) remove_if_there(finished);
  make_directory(folder);
  for (std::size_t i = 0; i < protocols.size(); ++i)
    write_nifti(folder / kVolumes[i], render(anatomy, patient, protocols[i], options.seed));
  write_mask_nifti(folder / kVolumes[3], render_mask(anatomy, patient, protocols[0].grid));
  for (const char* name : kVolumes) truth[kFiles][name] = sha256_of_file(folder / name, kMaxNiftiBytes);
  write_file(folder / kTruth, sealed_json_text(std::move(truth)));
  return true;
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
    const bool made = write_patient(out, anatomy, patient, options);
    progress.line(text("simulate  ", i + 1, "/", options.patients, "  ", patient.id, "  ", patient.lesions.size(),
                       patient.lesions.size() == 1 ? " lesion" : " lesions", made ? "" : ", kept"));
    csv += csv_line({patient.id, patient.label, patient.id + "/t1c.nii.gz", patient.id + "/flair.nii.gz",
                     patient.id + "/t2.nii.gz", patient.id + "/mask.nii.gz"});
  }
  write_file(out / kCohort, csv);
  return {out / kCohort, anatomy.name};
}

}  // namespace vitrine::imaging
