#include "imaging/simulator/subject_writer.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "imaging/formats/nifti.h"
#include "imaging/simulator/fault.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFiles = "files_sha256";
constexpr std::array<const char*, 3> kSeries{"t1c", "flair", "t2"};
constexpr std::array<const char*, 4> kVolumes{"t1c.nii.gz", "flair.nii.gz", "t2.nii.gz", "mask.nii.gz"};
constexpr const char* kTissueFile = "t1c_tissue.nii.gz";
constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr const char* kNote = "synthetic: not patient data";
constexpr int kVersion = 1;  // of the model: raise it when a volume changes
constexpr std::uint32_t kOtherPatient = 1u << 20;

Json vector_json(const Vec3& v) { return Json::array({v[0], v[1], v[2]}); }

Json matrix_json(const Matrix4& m) {
  Json rows = Json::array();
  for (std::size_t r = 0; r < 4; ++r) rows.push_back(Json::array({m[4 * r], m[4 * r + 1], m[4 * r + 2], m[4 * r + 3]}));
  return rows;
}

Json range_json(const Range& r) { return Json::array({r.low, r.high}); }

// What differs from the options of ScanOptions{}.
Json scan_options_json(const ScanOptions& o) {
  const ScanOptions usual;
  Json out = Json::object();
  const auto put = [&](const char* name, const auto& value, const auto& usually) {
    if (value != usually) out[name] = value;
  };
  const auto put_range = [&](const char* name, const Range& r) {
    if (r.is_set) out[name] = range_json(r);
  };
  put("t1c", o.t1c, usual.t1c);
  put("plane", o.plane, usual.plane);
  put("t1c_thickness_mm", o.t1c_thickness, usual.t1c_thickness);
  put("t1c_oblique_degrees", o.t1c_oblique, usual.t1c_oblique);
  put("oblique_degrees", o.oblique, usual.oblique);
  put("neck_mm", o.neck_mm, usual.neck_mm);
  put_range("slice_mm", o.slice_mm);
  put_range("gap_mm", o.gap_mm);
  put_range("in_plane_mm", o.in_plane_mm);
  put_range("noise_percent", o.noise_percent);
  put("noise_centre", o.noise_centre, usual.noise_centre);
  put_range("bias_percent", o.bias_percent);
  put("bias_shape", o.bias_shape, usual.bias_shape);
  put("motion_mm", o.motion_mm, usual.motion_mm);
  put("motion_degrees", o.motion_degrees, usual.motion_degrees);
  put("orders", o.orders, usual.orders);
  put("sites", o.sites, usual.sites);
  put("kappa", o.kappa, usual.kappa);
  return out;
}

Json lesions_json(const Patient& patient) {
  Json lesions = Json::array();
  for (const Lesion& l : patient.lesions) {
    lesions.push_back({{"centre_mm", vector_json(l.centre)},
                       {"radius_mm", l.latents.radius_mm},
                       {"core_fraction", l.latents.core_fraction},
                       {"irregularity", l.latents.irregularity},
                       {"gadolinium_mM", l.latents.gadolinium_mM},
                       {"texture", l.latents.texture},
                       {"t2_ms", l.latents.t2_ms},
                       {"oedema", l.latents.oedema},
                       {"cerebellar", l.latents.cerebellar}});
  }
  return lesions;
}

Json sequence_json(const Scan& scan) {
  const Sequence& s = scan.sequence;
  Json out = {{"contrast", name_of(s.contrast)}};
  if (s.contrast == Contrast::tabled) return out;
  out["tr_ms"] = s.tr_ms;
  out["te_ms"] = s.te_ms;
  out["ti_ms"] = s.ti_ms;
  out["flip_degrees"] = s.flip_degrees;
  out["thickness_mm"] = scan.thickness_mm;
  out["spacing_mm"] = vector_json(scan.grid.spacing);
  out["stored_as"] = scan.stored;
  out["bias_peak_to_peak"] = scan.field.peak_to_peak;
  out["noise_centre"] = scan.noise_centre;
  out["contrast_given"] = scan.contrast_given;
  return out;
}

// A subject as it will be written, but for its voxels.
struct Plan {
  bool plain = true;
  std::array<SeriesProtocol, 3> protocols;  // of a plain one
  std::array<Scan, 3> scans;
  int site = -1;
};

Plan plan_of(const ScannedHead& head, const SimulateOptions& options, const std::string& fault) {
  Plan plan;
  plan.plain = options.scan.is_plain() && fault != "no-contrast";
  if (!plan.plain) {
    const PatientScans scans = patient_scans(head, options.scan, options.seed, options.spacing_mm);
    plan.scans = scans.series;
    plan.site = scans.site;
    plan.scans[0].contrast_given = fault != "no-contrast";
    return plan;
  }
  for (std::size_t s = 0; s < 3; ++s) {
    plan.protocols[s] =
        series_protocol(head.anatomy(), options.seed, head.patient().number, static_cast<Series>(s), options.spacing_mm);
    plan.scans[s] = plain_scan(plan.protocols[s]);
  }
  return plan;
}

Volume in_order(Volume volume, const Scan& scan) { return scan.stored.empty() ? volume : stored_as(volume, scan.stored); }

Volume image_of(const ScannedHead& head, const Plan& plan, std::size_t s, std::uint64_t seed) {
  const Scan& scan = plan.scans[s];
  if (plan.plain) return render(head.anatomy(), head.patient(), plan.protocols[s], seed);
  return in_order(recorded(clean_signal(head, scan), field_volume(scan), scan, seed, head.patient().number), scan);
}

Mask mask_of(const ScannedHead& head, const Plan& plan) {
  if (plan.plain) return render_mask(head.anatomy(), head.patient(), plan.protocols[0].grid);
  return in_order(lesion_truth(head, plan.scans[0]), plan.scans[0]);
}

std::vector<std::string> names_of(const SimulateOptions& options) {
  std::vector<std::string> names(kVolumes.begin(), kVolumes.end());
  if (!options.truth) return names;
  for (const char* series : kSeries) {
    names.push_back(std::string(series) + "_brain.nii.gz");
    names.push_back(std::string(series) + "_field.nii.gz");
  }
  names.emplace_back(kTissueFile);
  return names;
}

void write_truth_volumes(const fs::path& folder, const ScannedHead& head, const Plan& plan) {
  for (std::size_t s = 0; s < 3; ++s) {
    const Scan& scan = plan.scans[s];
    write_mask_nifti(folder / (std::string(kSeries[s]) + "_brain.nii.gz"), in_order(brain_truth(head, scan), scan));
    write_nifti(folder / (std::string(kSeries[s]) + "_field.nii.gz"), in_order(field_volume(scan), scan));
  }
  write_nifti(folder / kTissueFile, in_order(tissue_truth(head, plan.scans[0]), plan.scans[0]));
}

Json truth_json(const ScannedHead& head, const Plan& plan, const std::string& fault) {
  Json truth = Json::object();
  truth["subject_id"] = head.patient().id;
  truth["label"] = head.patient().label;
  truth["lesions"] = lesions_json(head.patient());
  for (std::size_t s = 0; s < 3; ++s) {
    const Scan& scan = plan.scans[s];
    const RigidTransform& t = scan.from_t1c;
    Json entry = {{"angles_rad", vector_json(t.angles)},
                  {"translation_mm", vector_json(t.translation)},
                  {"centre_mm", vector_json(t.centre)},
                  {"matrix", matrix_json(matrix_of(t))},
                  {"noise", scan.noise},
                  {"gain", scan.gain}};
    if (plan.plain) {
      const auto& f = scan.field.cosines;
      entry["field"] = Json::array({vector_json(f[0]), vector_json(f[1]), vector_json(f[2])});
    } else {
      entry["sequence"] = sequence_json(scan);
    }
    truth[kSeries[s]] = std::move(entry);
  }
  if (plan.site >= 0) truth["site"] = plan.site;
  if (!fault.empty()) truth["fault"] = {{"name", fault}};
  return truth;
}

// truth.json is sealed and names the hash of each volume beside the truth, so that a damaged volume is made again. What a fault changes is
// known once it is planted: it is not compared.
bool is_finished(const fs::path& folder, const Json& truth, const std::vector<std::string>& names) {
  if (!path_exists(folder / kTruthFile)) return false;
  try {
    Json found = parse_sealed_json(read_file(folder / kTruthFile, kMaxJson));
    const Json files = member(found, kFiles);
    found.erase(kFiles);
    Json wanted = truth;
    if (found.contains("fault") && wanted.contains("fault") && found["fault"]["name"] == wanted["fault"]["name"]) {
      wanted["fault"] = found["fault"];
      for (const char* series : kSeries) wanted[series]["matrix"] = found[series]["matrix"];
    }
    if (found != wanted) return false;
    for (const std::string& name : names) {
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

// The four files with the fault in them.
void write_faulty(const fs::path& folder, const ScannedHead& head, const Plan& plan, const SimulateOptions& options,
                  const std::string& fault, Json& truth) {
  StoredSubject subject;
  for (std::size_t s = 0; s < 3; ++s) {
    subject.files[s].volume = image_of(head, plan, s, options.seed);
    subject.from_t1c[s] = matrix_of(plan.scans[s].from_t1c);
  }
  subject.files[3] = {mask_of(head, plan), true, {}, 1, 1, false};
  const Patient other =
      make_patient(head.anatomy(), options.seed, kOtherPatient + head.patient().number, head.patient().label, options.signal);
  const ScannedHead other_head(head.anatomy(), other, options.scan.neck_mm >= 0);
  const FaultContext context{options.seed, head.patient().number,
                             [&](Series s) { return image_of(other_head, plan, static_cast<std::size_t>(s), options.seed); },
                             [&] { return mask_of(other_head, plan); }};
  const Planted planted = plant(fault, subject, context);
  truth["fault"] = {{"name", planted.name}, {"file", planted.file}, {"what", planted.what}};
  for (std::size_t s = 0; s < 3; ++s) truth[kSeries[s]]["matrix"] = matrix_json(subject.from_t1c[s]);
  for (std::size_t f = 0; f < kVolumes.size(); ++f) write_stored(folder / kVolumes[f], subject.files[f]);
}

}  // namespace

Json options_json(const SimulateOptions& o, const std::string& anatomy) {
  Json out = {{"note", kNote},      {"version", kVersion}, {"seed", o.seed},
              {"signal", o.signal}, {"anatomy", anatomy},  {"spacing_mm", o.spacing_mm}};
  if (!o.scan.is_plain()) out["scan"] = scan_options_json(o.scan);
  if (o.lesions[0] > 0) out["lesions"] = {{"patients", o.patients}, {"nsclc", o.lesions[0]}, {"sclc", o.lesions[1]}};
  if (!o.faults.empty()) out["faults"] = o.faults;
  if (o.truth) out["truth"] = true;
  return out;
}

std::array<Scan, 3> scans_of(const ScannedHead& head, const SimulateOptions& options) {
  return plan_of(head, options, "").scans;
}

// Volumes first, truth.json last: its presence says that the subject is finished.
bool write_subject(const fs::path& out, const fs::path& cohort_csv, const Anatomy& anatomy, const Patient& patient,
                   const SimulateOptions& options, const std::string& fault) {
  const ScannedHead head(anatomy, patient, options.scan.neck_mm >= 0);
  const Plan plan = plan_of(head, options, fault);
  Json truth = truth_json(head, plan, fault);
  truth["options"] = options_json(options, anatomy.name);
  const fs::path folder = out / patient.id;
  const std::vector<std::string> names = names_of(options);
  check_plain_files(folder);
  if (is_finished(folder, truth, names)) return false;
  for (const fs::path& finished : {cohort_csv, folder / kTruthFile}) remove_if_there(finished);
  make_directory(folder);
  if (fault.empty()) {
    for (std::size_t s = 0; s < 3; ++s) write_nifti(folder / kVolumes[s], image_of(head, plan, s, options.seed));
    write_mask_nifti(folder / kVolumes[3], mask_of(head, plan));
  } else {
    write_faulty(folder, head, plan, options, fault, truth);
  }
  if (options.truth) write_truth_volumes(folder, head, plan);
  for (const std::string& name : names) truth[kFiles][name] = sha256_of_file(folder / name, kMaxNiftiBytes);
  write_file(folder / kTruthFile, sealed_json_text(std::move(truth)));
  return true;
}

}  // namespace vitrine::imaging
