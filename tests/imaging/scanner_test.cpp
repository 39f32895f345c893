// What the simulator's scanner makes, held against its truth.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "imaging/brain/brain.h"
#include "imaging/formats/read_volume.h"
#include "imaging/simulator/fault.h"
#include "imaging/simulator/scan_options.h"
#include "imaging/simulator/subject_writer.h"
#include "imaging/steps/mask.h"
#include "prepared_cohort.h"
#include "tests/everywhere.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// One head for all tests: a procedural one of 4 mm, with two lesions.
struct Head {
  Anatomy anatomy = procedural_head(4);
  Patient patient = make_patient(anatomy, 4, 1, "NSCLC", 1);
  ScannedHead scanned{anatomy, patient, true};
};
const Head& head() {
  static const Head one;
  return one;
}

ScanOptions coarse() {
  ScanOptions o;
  o.neck_mm = 20;
  o.in_plane_mm = {2.5, 2.5, true};
  o.slice_mm = {5, 5, true};
  return o;
}
PatientScans scans_of(const ScanOptions& options) { return patient_scans(head().scanned, options, 4, 3); }

double voxel_ml(const Geometry& g) { return g.spacing[0] * g.spacing[1] * g.spacing[2] / 1000; }

double count(const Volume& v, float label) { return static_cast<double>(std::count(v.data.begin(), v.data.end(), label)); }

// The table of docs/simulator.md, computed from relaxation times there: within the rounding of its last digit.
TEST(Signal, IsThatOfThePublishedTable) {
  using namespace relaxation;
  const std::array<Sequence, 5> sequences{t1c_sequence("se"), t1c_sequence("spgr"), t1c_sequence("mprage"), t2_sequence(),
                                          flair_sequence()};
  const std::vector<std::pair<Relaxation, std::array<double, 5>>> rows{
      {white, {1, 1, 1, 1, 1}},
      {grey, {0.86, 0.83, 0.59, 1.52, 1.30}},
      {fluid, {0.39, 0.33, 0.04, 3.47, 0.00}},
      {oedema, {0.80, 0.72, 0.39, 2.79, 2.08}},
      {tumour, {0.78, 0.73, 0.43, 1.94, 1.48}},
      {dense_tumour, {0.83, 0.79, 0.52, 1.72, 1.40}},
      {dark_tumour, {0.78, 0.77, 0.49, 1.33, 1.03}},
      {necrosis, {0.56, 0.49, 0.14, 3.63, 1.33}},
      {relaxation::fat, {1.80, 1.84, 2.10, 1.47, 1.58}},
      {relaxation::muscle, {0.59, 0.69, 0.40, 0.30, 0.19}},
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t s = 0; s < sequences.size(); ++s)
      EXPECT_NEAR(relative_signal(sequences[s], rows[r].first), rows[r].second[s], 0.0051) << "row " << r << ", sequence " << s;
  }
}

TEST(Signal, FollowsGadolinium) {
  const std::vector<std::pair<double, std::array<double, 3>>> rows{{0.1, {1.13, 1.06, 0.94}},
                                                                   {0.2, {1.39, 1.32, 1.39}},
                                                                   {0.35, {1.68, 1.62, 1.84}},
                                                                   {0.6, {1.96, 1.97, 2.19}},
                                                                   {1.0, {2.15, 2.33, 2.34}}};
  for (const auto& [mM, wanted] : rows) {
    const Relaxation r = with_gadolinium(relaxation::tumour, mM);
    EXPECT_NEAR(relative_signal(t1c_sequence("se"), r), wanted[0], 0.0055) << mM;
    EXPECT_NEAR(relative_signal(t1c_sequence("spgr"), r), wanted[1], 0.0055) << mM;
    EXPECT_NEAR(relative_signal(t1c_sequence("mprage"), r), wanted[2], 0.0055) << mM;
  }
  EXPECT_THROW(t1c_sequence("flash"), UsageError);
}

TEST(Scanner, ImageIsGainTimesFieldTimesSignal) {
  for (const char* shape : {"spline", "cosine"}) {
    ScanOptions o = coarse();
    o.t1c = "spgr";
    o.noise_percent = {0, 0, true};
    o.bias_percent = {40, 40, true};
    o.bias_shape = shape;
    Scan scan = scans_of(o).series[0];
    scan.gain = 1000;
    const Volume clean = clean_signal(head().scanned, scan), field = field_volume(scan);
    const Volume image = recorded(clean, field, scan, 4, 1);
    double low = 10, high = 0;
    for (std::size_t n = 0; n < image.data.size(); ++n) {
      ASSERT_NEAR(image.data[n], 1000.0 * static_cast<double>(clean.data[n]) * static_cast<double>(field.data[n]), 0.51);
      if (clean.data[n] < 0.3f) continue;  // not the head
      low = std::min(low, static_cast<double>(field.data[n]));
      high = std::max(high, static_cast<double>(field.data[n]));
    }
    // Peak to peak 40 % over the points of the head, 4 mm apart: from 0.8 to 1.2 of the middle.
    EXPECT_NEAR(high / low, 1.2 / 0.8, 0.05) << shape;
  }
}

TEST(Scanner, NoiseHasItsStrength) {
  ScanOptions o = coarse();
  o.bias_percent = {0, 0, true};
  o.noise_percent = {5, 5, true};
  Scan scan = scans_of(o).series[0];
  scan.gain = 1000;
  Volume even{scan.grid, std::vector<float>(static_cast<std::size_t>(scan.grid.voxels()), 1.0f)};
  const Volume image = recorded(even, even, scan, 4, 1);
  double sum = 0, squares = 0;
  for (const float v : image.data) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  const double n = static_cast<double>(image.data.size());
  EXPECT_NEAR(std::sqrt(squares / n - sum / n * sum / n), 50, 0.5);
}

TEST(Scanner, TruthOfAllSeriesIsOfOneHead) {
  ScanOptions o = coarse();
  o.oblique = 12;
  const PatientScans scans = scans_of(o);
  const Mask brain = brain_truth(head().scanned, scans.series[0]), lesion = lesion_truth(head().scanned, scans.series[0]);
  for (const std::size_t s : {1u, 2u}) {
    const Scan& scan = scans.series[s];
    EXPECT_GT(std::abs(scan.from_t1c.translation[0]) + std::abs(scan.from_t1c.angles[0]), 0.1);
    const Mask here = resample_nearest(brain_truth(head().scanned, scan), brain.geometry, scan.from_t1c);
    EXPECT_GT(dice(here, brain), 0.95) << s;
    const Mask lesion_here = lesion_truth(head().scanned, scan);
    EXPECT_NEAR(volume_ml(lesion_here) / volume_ml(lesion), 1, 0.15) << s;
    const Vec3 p{10, -20, 30}, a = scan.from_t1c.apply(p), b = times(matrix_of(scan.from_t1c), p);
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(a[c], b[c], 1e-9);
  }
}

TEST(Scanner, TissuesFitTheMasks) {
  const Scan scan = scans_of(coarse()).series[0];
  const Mask brain = brain_truth(head().scanned, scan), lesion = lesion_truth(head().scanned, scan);
  const Volume tissue = tissue_truth(head().scanned, scan);
  const double tumour = count(tissue, 8) + count(tissue, 9), marked = count(lesion, 1);
  EXPECT_NEAR(tumour / marked, 1, 0.15);
  double outside = 0;
  for (std::size_t n = 0; n < lesion.data.size(); ++n) outside += lesion.data[n] > brain.data[n] ? 1 : 0;
  EXPECT_EQ(outside, 0);
  EXPECT_GT(count(tissue, 7), 0);
  const double ml = count(brain, 1) * voxel_ml(scan.grid);
  EXPECT_GT(ml, 900);
  EXPECT_LT(ml, 2000);
}

TEST(Scanner, ThickSlicesAreMeansOfThinOnes) {
  ScanOptions o = coarse();
  Scan thick = scans_of(o).series[1];
  const Volume mean = clean_signal(head().scanned, thick);
  std::vector<double> sum(mean.data.size());
  const int samples = thick.samples;
  ASSERT_EQ(samples, 5);
  for (int s = 0; s < samples; ++s) {
    Scan thin = thick;
    thin.samples = 1;
    thin.grid.origin = thick.grid.to_physical({0, 0, ((s + 0.5) / samples - 0.5) * thick.thickness_mm / thick.grid.spacing[2]});
    const Volume slice = clean_signal(head().scanned, thin);
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += static_cast<double>(slice.data[n]) / samples;
  }
  for (std::size_t n = 0; n < sum.size(); ++n) ASSERT_NEAR(mean.data[n], sum[n], 1e-5);
}

TEST(Scanner, NeckHasItsLength) {
  ScanOptions o = coarse();
  std::vector<double> extent, bottom;
  std::vector<double> brain;
  for (const double neck : {0.0, 60.0}) {
    o.neck_mm = neck;
    const Scan scan = scans_of(o).series[0];
    extent.push_back(static_cast<double>(scan.grid.size[2]) * scan.grid.spacing[2]);
    brain.push_back(count(brain_truth(head().scanned, scan), 1));
    const Volume clean = clean_signal(head().scanned, scan);
    const auto slice = static_cast<std::size_t>(scan.grid.size[0] * scan.grid.size[1]);
    bottom.push_back(*std::max_element(clean.data.begin(), clean.data.begin() + static_cast<std::ptrdiff_t>(slice)));
  }
  EXPECT_NEAR(extent[1] - extent[0], 60, 3.1);
  EXPECT_NEAR(brain[1] / brain[0], 1, 0.02);
  EXPECT_GT(bottom[1], 0.4);  // tissue down to the last slice
}

TEST(Scanner, PlanesAndTiltsAreAsAsked) {
  ScanOptions o = coarse();
  o.plane = "sagittal";
  EXPECT_EQ(storage_order(scans_of(o).series[0].grid).code, "PIR");
  o.plane = "coronal";
  EXPECT_EQ(storage_order(scans_of(o).series[0].grid).code, "LIP");
  o.plane = "axial";
  o.t1c_oblique = 17;
  o.t1c_thickness = 5;
  const Scan scan = scans_of(o).series[0];
  EXPECT_NEAR(storage_order(scan.grid).most_degrees_off(), 17, 1e-6);
  EXPECT_EQ(scan.grid.spacing[2], 5);
  EXPECT_EQ(scan.samples, 5);
  EXPECT_GT(dice(resample_nearest(brain_truth(head().scanned, scan), scans_of(coarse()).series[0].grid, {}),
                 brain_truth(head().scanned, scans_of(coarse()).series[0])),
            0.93);
}

TEST(Scanner, All48OrdersHoldTheSamePatient) {
  const Scan scan = scans_of(coarse()).series[1];
  Volume volume = clean_signal(head().scanned, scan);
  const StorageOrder own = storage_order(volume.geometry);
  const Volume want = in_anatomical_order(volume, own);
  EXPECT_EQ(std::set<std::string>(storage_codes().begin(), storage_codes().end()).size(), 48u);
  for (const std::string& code : storage_codes()) {
    const Volume stored = stored_as(volume, code);
    const StorageOrder order = storage_order(stored.geometry);
    EXPECT_EQ(order.code, code);
    const Volume back = in_anatomical_order(stored, order);
    EXPECT_EQ(back.data, want.data) << code;
    EXPECT_LT(corner_distance(back.geometry, want.geometry), 1e-3) << code;
  }
  EXPECT_THROW(stored_as(volume, "RLS"), UsageError);
}

TEST(Scanner, IsTheSameOnAllThreadsAndInstructionSets) {
  ScanOptions o = coarse();
  o.t1c = "se";
  o.noise_centre = 2;
  const Scan scan = scans_of(o).series[0];
  const Volume clean = clean_signal(head().scanned, scan), field = field_volume(scan),
               image = recorded(clean, field, scan, 4, 1);
  const Volume tissue = tissue_truth(head().scanned, scan);
  vitrine::testing::everywhere({1, 2, 3}, [&](const std::string& where) {
    EXPECT_EQ(clean_signal(head().scanned, scan).data, clean.data) << where;
    EXPECT_EQ(field_volume(scan).data, field.data) << where;
    EXPECT_EQ(recorded(clean, field, scan, 4, 1).data, image.data) << where;
    EXPECT_EQ(tissue_truth(head().scanned, scan).data, tissue.data) << where;
  });
}

TEST(Scanner, SitesTellTheClassAsMuchAsKappaSays) {
  ScanOptions o;
  o.sites = 6;
  for (const double kappa : {0.0, 1.0}) {
    o.kappa = kappa;
    int of_class = 0;
    for (std::uint32_t n = 1; n <= 400; ++n) {
      const bool is_sclc = n % 2 == 0;
      of_class += (site_of(o, 7, n, is_sclc) % 2 == 0) == is_sclc ? 1 : 0;
    }
    EXPECT_NEAR(of_class, kappa == 1 ? 400 : 200, kappa == 1 ? 0 : 40);  // four deviations
  }
  int ge = 0, siemens = 0;
  for (int n = 0; n < 1000; ++n) {
    ge += drawn_site(7, n).vendor == "GE" ? 1 : 0;
    siemens += drawn_site(7, n).vendor == "Siemens" ? 1 : 0;
  }
  EXPECT_NEAR(ge, 1000 * 44 / 101.0, 63);  // four deviations
  EXPECT_NEAR(siemens, 1000 * 55 / 101.0, 63);
}

TEST(Scanner, OptionsOutOfRangeAreRefused) {
  const auto refused = [](auto change) {
    ScanOptions o;
    change(o);
    EXPECT_THROW(check(o), UsageError);
  };
  refused([](ScanOptions& o) { o.t1c = "flash"; });
  refused([](ScanOptions& o) { o.plane = "oblique"; });
  refused([](ScanOptions& o) { o.neck_mm = 200; });
  refused([](ScanOptions& o) { o.noise_percent = {1, 90, true}; });
  refused([](ScanOptions& o) { o.bias_percent = {1, 200, true}; });
  refused([](ScanOptions& o) { o.orders = "RLS"; });
  refused([](ScanOptions& o) { o.kappa = 0.5; });
  EXPECT_THROW(parse_range("3:", "--slice"), UsageError);
  EXPECT_THROW(parse_range("6:3", "--slice"), UsageError);
  EXPECT_EQ(parse_range("3:6", "--slice"), (Range{3, 6, true}));
  EXPECT_EQ(parse_range("5", "--slice"), (Range{5, 5, true}));
  EXPECT_THROW(parse_faults("nan,truncate"), UsageError);
  EXPECT_EQ(parse_faults("nan,truncated"), (std::vector<std::string>{"nan", "truncated"}));
}

class SimulatedFiles : public PreparedCohort {
 protected:
  SimulateOptions options(const std::vector<std::string>& faults = {}) const {
    SimulateOptions o;
    o.patients = std::max(2, static_cast<int>(faults.size()));
    o.anatomy = "procedural";
    o.spacing_mm = 4;
    o.faults = faults;
    if (!faults.empty()) {
      o.scan.in_plane_mm = {3, 3, true};
      o.scan.slice_mm = {5, 5, true};
    }
    return o;
  }
  void simulate(const SimulateOptions& o, const std::string& name = "cohort") const {
    Progress quiet(true);
    simulate_cohort(folder / name, o, quiet);
  }
  Json truth(const std::string& subject, const std::string& name = "cohort") const {
    return parse_sealed_json(read_file(folder / name / subject / kTruthFile, kAnySize));
  }
};

TEST_F(SimulatedFiles, TruthBesideThemLeavesTheImagesAsTheyAre) {
  SimulateOptions o = options();
  simulate(o);
  o.truth = true;
  simulate(o, "more");
  const fs::path plain = folder / "cohort" / "sub-001", more = folder / "more" / "sub-001";
  for (const char* name : {"t1c.nii.gz", "flair.nii.gz", "t2.nii.gz", "mask.nii.gz"})
    EXPECT_EQ(sha256_of_file(plain / name, kAnySize), sha256_of_file(more / name, kAnySize)) << name;
  // The field beside a plain image is the one it was made with: what is left of the image is noise of the strength that truth.json names.
  const Json said = truth("sub-001", "more");
  const Volume image = read_nifti(more / "t1c.nii.gz"), field = read_nifti(more / "t1c_field.nii.gz"),
               brain = read_nifti(more / "t1c_brain.nii.gz");
  const Anatomy anatomy = procedural_head(4);
  const Patient patient = make_patient(anatomy, 1, 1, text_in(said, "label"), 1);
  const Volume clean =
      clean_signal(ScannedHead(anatomy, patient, false), plain_scan(series_protocol(anatomy, 1, 1, Series::t1c, 4)));
  const double gain = said.at("t1c").at("gain").get<double>(), noise = said.at("t1c").at("noise").get<double>();
  double squares = 0, n = 0, without = 0;
  for (std::size_t at = 0; at < image.data.size(); ++at) {
    if (brain.data[at] == 0 || clean.data[at] < 0.5f) continue;
    const double v = static_cast<double>(image.data[at]) / gain, c = static_cast<double>(clean.data[at]),
                 f = static_cast<double>(field.data[at]);
    squares += (v - c * f) * (v - c * f);
    without += (v - c) * (v - c);
    ++n;
  }
  const double expected = std::sqrt(noise * noise + 1 / (12 * gain * gain));  // and whole numbers are recorded
  EXPECT_NEAR(std::sqrt(squares / n) / expected, 1, 0.02);
  EXPECT_GT(std::sqrt(without / n) / expected, 1.3);
}

TEST_F(SimulatedFiles, EveryFaultIsNamedAndKept) {
  const std::vector<std::string> all = parse_faults("all");
  const SimulateOptions o = options(all);
  simulate(o);
  const auto before = files("cohort");
  for (std::size_t n = 0; n < all.size(); ++n)
    EXPECT_EQ(text_in(truth(patient_name(static_cast<std::uint32_t>(n + 1))).at("fault"), "name"), all[n]);
  simulate(o);
  EXPECT_EQ(files("cohort"), before);
  SimulateOptions too_few = o;
  too_few.patients = 3;
  EXPECT_THROW(simulate(too_few, "few"), UsageError);
}

TEST_F(SimulatedFiles, WhatCannotBeReadIsRefused) {
  const std::vector<std::pair<std::string, std::string>> faults{{"checksum", "damaged"},     {"form-conflict", "disagree"},
                                                                {"four-d", "4-D"},           {"header-bomb", "30000"},
                                                                {"no-orientation", "forms"}, {"shear", ""},
                                                                {"truncated", "trunc"},      {"nan", "NaN"},
                                                                {"constant", "value 7"}};
  std::vector<std::string> names;
  for (const auto& [name, words] : faults) names.push_back(name);
  simulate(options(names));
  for (std::size_t n = 0; n < names.size(); ++n) {
    const std::string id = patient_name(static_cast<std::uint32_t>(n + 1));
    const fs::path file = folder / "cohort" / id / (text_in(truth(id).at("fault"), "file") + ".nii.gz");
    EXPECT_THROW(read_series(file), DataError) << names[n];
  }
}

TEST_F(SimulatedFiles, AHeaderThatIsOffHasTheTransformThatFits) {
  simulate(options({"header-off", "swapped-series"}));
  const Json off = truth("sub-001");
  simulate(options({"swapped-series", "header-off"}), "other");  // the same patients, without it
  const Geometry a = read_nifti(folder / "cohort" / "sub-001" / "flair.nii.gz").geometry;
  const Geometry b = read_nifti(folder / "other" / "sub-001" / "t2.nii.gz").geometry;  // swapped: its FLAIR
  const auto matrix = [](const Json& rows) {
    Matrix4 m{};
    for (std::size_t r = 0; r < 4; ++r) {
      for (std::size_t c = 0; c < 4; ++c) m[4 * r + c] = rows[r][c].get<double>();
    }
    return m;
  };
  const Matrix4 there = matrix(off.at("flair").at("matrix")), here = matrix(truth("sub-001", "other").at("t2").at("matrix"));
  double moved = 0;
  for (const Vec3& p : {Vec3{0, 0, 0}, Vec3{40, -30, 20}, Vec3{-35, 50, -20}}) {
    const Vec3 i = a.to_index(times(there, p)), j = b.to_index(times(here, p));
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(i[c], j[c], 1e-3);
      moved = std::max(moved, std::abs(times(there, p)[c] - times(here, p)[c]));
    }
  }
  EXPECT_GT(moved, 10);
}

}  // namespace
}  // namespace vitrine::imaging
