// A small cohort in a folder of its own, and what preparation says about it. The heads are balls of a smooth random tissue with a lesion,
// seen in three contrasts: small, so that one is prepared in half a second.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "base/sha256.h"
#include "imaging/formats/nifti.h"
#include "imaging/prep.h"

namespace vitrine::imaging {

constexpr std::uint64_t kAnySize = std::uint64_t{1} << 30;

class PreparedCohort : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("vitrine-prep-" + std::to_string(::getpid()) + "-" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static Geometry grid() { return {{44, 46, 42}, {2.5, 2.5, 2.5}, {-53.75, -56.25, -51.25}}; }
  static double radius(const Vec3& p) { return std::sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]); }
  static bool in_brain(int patient, const Vec3& p) { return radius({p[0] / (45 + patient), p[1] / 50, p[2] / 45}) < 1; }
  static Vec3 lesion_centre(int patient) { return {-20.0 + 12 * patient, 15.0 - 5 * patient, 8}; }
  static bool in_lesion(int patient, const Vec3& p) {
    const Vec3 c = lesion_centre(patient);
    return radius({p[0] - c[0], p[1] - c[1], p[2] - c[2]}) < 9;
  }

  // 0 to 1: waves of 24 to 40 mm in directions that depend on the patient.
  static double tissue(int patient, const Vec3& p) {
    double sum = 0;
    for (int w = 0; w < 8; ++w) {
      const double a = 1.7 * patient + 2.4 * w, b = 0.9 * patient + 1.1 * w * w, k = 2 * M_PI / (24 + 2 * w);
      sum += std::cos(k * (std::cos(a) * std::cos(b) * p[0] + std::sin(a) * std::cos(b) * p[1] + std::sin(b) * p[2]) + w +
                      patient);
    }
    return 0.5 + 0.5 * std::tanh(sum / 2);
  }

  template <class Value>
  static Volume volume(const Value& value) {
    Volume v{grid(), {}};
    const auto& n = v.geometry.size;
    for (std::int64_t at = 0; at < v.geometry.voxels(); ++at) {
      v.data.push_back(static_cast<float>(value(v.geometry.to_physical(
          {static_cast<double>(at % n[0]), static_cast<double>(at / n[0] % n[1]), static_cast<double>(at / (n[0] * n[1]))}))));
    }
    return v;
  }
  // "t1c", "flair", "t2", "mask" or "brain_mask" of patient 1, 2 or 3. FLAIR and T2 are `moved` by some millimetres.
  static Volume head(int patient, const std::string& column, bool moved = true) {
    const Vec3 shift = !moved ? Vec3{} : column == "flair" ? Vec3{1.5, -2, 1} : column == "t2" ? Vec3{-2, 1, 1.5} : Vec3{};
    int n = 0;
    return volume([&](const Vec3& q) -> double {
      const Vec3 p{q[0] + shift[0], q[1] + shift[1], q[2] + shift[2]};
      if (column == "mask") return in_lesion(patient, p) ? 1 : 0;
      if (column == "brain_mask") return in_brain(patient, p) ? 1 : 0;
      const double noise = static_cast<double>((++n * 7919 + patient * 104729) % 101) / 50;
      if (!in_brain(patient, p)) return noise;
      const double f = tissue(patient, p);
      const bool lesion = in_lesion(patient, p);
      if (column == "t1c") return noise + (lesion ? 130 : 40 + 60 * f);
      if (column == "flair") return noise + (lesion ? 120 : 100 - 50 * f * f);
      return noise + (lesion ? 140 : 150 - 90 * f);
    });
  }

  std::filesystem::path written(const std::string& name, const Volume& v) const {
    write_nifti(folder / (name + ".nii.gz"), v);
    return folder / (name + ".nii.gz");
  }
  std::filesystem::path file(int patient, const std::string& column) const {
    const std::string name = "p" + std::to_string(patient) + "_" + column;
    if (!path_exists(folder / (name + ".nii.gz"))) written(name, head(patient, column));
    return folder / (name + ".nii.gz");
  }

  // Patients a, b, c with some files of theirs replaced: {"b t2", path}.
  std::filesystem::path table(const std::map<std::string, std::filesystem::path>& other = {}, int patients = 2) const {
    std::string csv = csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask", "brain_mask"});
    for (int p = 0; p < patients; ++p) {
      const std::string id(1, static_cast<char>('a' + p));
      std::vector<std::string> row = {id, p == 0 ? "SCLC" : "NSCLC"};
      for (const char* column : {"t1c", "flair", "t2", "mask", "brain_mask"}) {
        const auto found = other.find(id + " " + column);
        row.push_back(found != other.end() ? found->second.string() : file(p + 1, column).string());
      }
      csv += csv_line(row);
    }
    write_file(folder / "cohort.csv", csv);
    return folder / "cohort.csv";
  }

  struct Prepared {
    std::string refused;  // "" : nothing was
    std::string log;      // of standard error
    PrepResult result;
  };
  Prepared prepare(const std::filesystem::path& csv, const std::string& out = "out", int jobs = 2, bool quiet = true) const {
    Prepared p;
    PrepOptions options;
    options.jobs = jobs;
    ::testing::internal::CaptureStderr();
    try {
      Progress progress(quiet);
      p.result = prepare_cohort(csv, folder / out, options, progress);
    } catch (const DataError& error) {
      p.refused = error.what();
    }
    p.log = ::testing::internal::GetCapturedStderr();
    return p;
  }
  Json record(const std::string& subject, const std::string& out = "out") const {
    return parse_sealed_json(read_file(folder / out / "subjects" / (subject + ".json"), kAnySize));
  }
  std::string read(const std::string& name, const std::string& out = "out") const {
    return read_file(folder / out / name, kAnySize);
  }
  bool exists(const std::string& name, const std::string& out = "out") const { return path_exists(folder / out / name); }
  // Names and hashes of everything in a folder.
  std::map<std::string, std::string> files(const std::string& out = "out") const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / out)) {
      if (entry.is_regular_file())
        all[std::filesystem::relative(entry.path(), folder / out).string()] = sha256(read_file(entry.path(), kAnySize));
    }
    return all;
  }
  static int lines(const std::string& text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

  std::filesystem::path folder;
};

}  // namespace vitrine::imaging
