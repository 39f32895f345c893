#include "imaging/bench/cases.h"

#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "imaging/formats/nifti.h"
#include "imaging/simulator/fault.h"
#include "imaging/simulator/scan_options.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint64_t kSeed = 20260116;  // of no cohort that anything was tuned on
constexpr std::array<const char*, 3> kFamilies{"spgr", "mprage", "se"};
constexpr std::array<double, 4> kNecks{25, 60, 25, 0};
constexpr std::array<const char*, 2> kMoving{"flair", "t2"};

ScanOptions options_of(int number, bool quick) {
  const auto n = static_cast<std::size_t>(number);
  ScanOptions o;
  o.t1c = kFamilies[n % kFamilies.size()];
  o.neck_mm = kNecks[n % kNecks.size()];
  const double noise = 3 + number % 3, bias = number % 2 == 0 ? 20 : 40, in_plane = quick ? 1.8 : 0.9;
  o.noise_percent = {noise, noise, true};
  o.bias_percent = {bias, bias, true};
  o.slice_mm = {4.5, 4.5, true};
  o.gap_mm = {0.5, 0.5, true};
  o.in_plane_mm = {in_plane, in_plane, true};
  o.oblique = 15;
  o.motion_mm = o.motion_degrees = 10;
  return o;
}

Json matrix_json(const Matrix4& m) {
  Json rows = Json::array();
  for (std::size_t r = 0; r < 4; ++r) rows.push_back(Json::array({m[4 * r], m[4 * r + 1], m[4 * r + 2], m[4 * r + 3]}));
  return rows;
}

}  // namespace

BenchCase make_bench_case(const Anatomy& anatomy, int number, bool quick) {
  const ScanOptions options = options_of(number, quick);
  const auto patient_number = static_cast<std::uint32_t>(number + 1);
  const Patient patient = make_patient(anatomy, kSeed, patient_number, number % 2 == 0 ? "NSCLC" : "SCLC", 1);
  const ScannedHead head(anatomy, patient, true);
  const PatientScans scans = patient_scans(head, options, kSeed, quick ? 2 : 1);
  BenchCase c;
  c.name = "case" + patient_name(patient_number).substr(3);
  c.sequence = options.t1c;
  c.bias = options.bias_percent.low / 100;
  c.noise = options.noise_percent.low / 100;
  c.neck_mm = options.neck_mm;
  const Scan& t1c = scans.series[0];
  c.clean = clean_signal(head, t1c);
  c.field = field_volume(t1c);
  c.t1c = recorded(c.clean, c.field, t1c, kSeed, patient_number);
  c.tissue = tissue_truth(head, t1c);
  c.brain = brain_truth(head, t1c);
  c.lesion = lesion_truth(head, t1c);
  StoredSubject far;
  for (std::size_t s = 0; s < 2; ++s) {
    const Scan& scan = scans.series[s + 1];
    BenchMoving& m = c.moving[s];
    m.volume = recorded(clean_signal(head, scan), field_volume(scan), scan, kSeed, patient_number);
    m.brain = brain_truth(head, scan);
    m.from_t1c = matrix_of(scan.from_t1c);
    far.files[s + 1].volume.geometry = scan.grid;
    far.from_t1c[s + 1] = m.from_t1c;
  }
  plant("header-off", far, {kSeed, patient_number, {}, {}});
  for (std::size_t s = 0; s < 2; ++s) {
    c.moving[s].far_grid = far.files[s + 1].volume.geometry;
    c.moving[s].far_from_t1c = far.from_t1c[s + 1];
  }
  return c;
}

void keep_bench_case(const std::filesystem::path& folder, const BenchCase& c) {
  make_directory(folder);
  write_nifti(folder / "t1c.nii.gz", c.t1c);
  write_nifti(folder / "clean.nii.gz", c.clean);
  write_nifti(folder / "field.nii.gz", c.field);
  write_nifti(folder / "tissue.nii.gz", c.tissue);
  write_mask_nifti(folder / "brain.nii.gz", c.brain);
  write_mask_nifti(folder / "lesion.nii.gz", c.lesion);
  Json json = {{"name", c.name}, {"t1c", c.sequence}, {"bias", c.bias}, {"noise", c.noise}, {"neck_mm", c.neck_mm}};
  for (std::size_t s = 0; s < 2; ++s) {
    const std::string name = kMoving[s];
    const BenchMoving& m = c.moving[s];
    write_nifti(folder / (name + ".nii.gz"), m.volume);
    write_nifti(folder / (name + "_far.nii.gz"), {m.far_grid, m.volume.data});
    write_mask_nifti(folder / ("brain_" + name + ".nii.gz"), m.brain);
    json[name] = {{"matrix", matrix_json(m.from_t1c)}};
    json[name + "_far"] = {{"matrix", matrix_json(m.far_from_t1c)}};
  }
  write_file(folder / "case.json", json_text(json));
}

}  // namespace vitrine::imaging
