// `vitrine audit lineage` and `leaks` as users call them: a cohort of volumes prepared, split and trained on, then asked.
#include <gmock/gmock.h>

#include <cstring>

#include "data/manifest.h"
#include "tensor/philox.h"
#include "tests/cli/program.h"
#include "tests/imaging/prepared_cohort.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using vitrine::testing::Outcome;
using vitrine::testing::vitrine_program;

class LineageProgram : public PreparedCohort {
 protected:
  static void TearDownTestSuite() { fs::remove_all(made); }

  // Six patients whose series lie on one grid, prepared, split and trained on for one epoch; made once, copied for each test.
  void SetUp() override {
    PreparedCohort::SetUp();
    if (made.empty()) make();
    fs::copy(made, folder, fs::copy_options::recursive);
  }
  void make() {
    made = fs::temp_directory_path() / ("vitrine-lineage-program-" + std::to_string(::getpid()));
    fs::create_directories(made);
    std::string csv =
        csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask", "brain_mask", "coregistered", "bias_corrected"});
    for (int p = 0; p < 6; ++p) {
      const std::string id(1, static_cast<char>('a' + p));
      std::vector<std::string> row = {id, p % 2 == 0 ? "SCLC" : "NSCLC"};
      for (const char* column : {"t1c", "flair", "t2", "mask", "brain_mask"}) {
        row.push_back(id + "_" + column + (column == std::string("t1c") || p == 0 ? ".nii" : ".nii.gz"));
        write_nifti(made / row.back(), head(p - 1, column, false));
      }
      row.push_back("1");
      row.push_back(p < 2 ? "0" : "1");  // two bias fields: each takes a second or two
      csv += csv_line(row);
    }
    write_file(made / "cohort.csv", csv);
    const std::string at = made.string();
    for (const std::string& command : {"mri prep " + at + "/cohort.csv -o " + at + "/prep --no-pictures -q",
                                       "split " + at + "/prep/manifest.csv -o " + at + "/s.json --folds 2 --test-fraction 0.3",
                                       "train " + at + "/prep/manifest.csv --splits " + at + "/s.json -o " + at +
                                           "/run --arch lite0 --epochs 1 --batch-size 3 -q"}) {
      const Outcome outcome = vitrine_program(command);
      ASSERT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    }
  }
  Outcome audit(const std::string& words) const { return vitrine_program("audit " + words); }
  std::string run() const { return (folder / "run").string(); }
  Json lineage(const std::string& words) const {
    const Outcome outcome = audit("lineage " + run() + " --json " + words);
    EXPECT_EQ(outcome.code, 0) << outcome.output;
    return parse_json(outcome.output);
  }
  // A voxel of a plain file, 5 more.
  static void brighten(const fs::path& path, const Json& voxel) {
    std::string bytes = read_file(path, kAnySize);
    const auto at =
        static_cast<std::size_t>(352 + 4 * ((voxel["k"].get<int>() * 46 + voxel["j"].get<int>()) * 44 + voxel["i"].get<int>()));
    float value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    value += 5;
    std::memcpy(bytes.data() + at, &value, sizeof value);
    write_file(path, bytes);
  }
  static inline fs::path made;
};

TEST_F(LineageProgram, PixelsOfATrainedRunAreRebuiltAndTheWayBackFindsThem) {
  for (std::uint32_t n = 0; n < 8; ++n) {
    const Draw draw{.seed = 3, .sample = n};
    const std::string words = "--step " + std::to_string(draw.below(0, 2)) + " --slot " + std::to_string(draw.below(1, 3)) +
                              " --pixel " + std::to_string(draw.below(2, 3)) + "," + std::to_string(draw.below(3, 64)) + "," +
                              std::to_string(draw.below(4, 64));
    const Outcome outcome = audit("lineage " + run() + " " + words);
    EXPECT_EQ(outcome.code, 0) << words << "\n" << outcome.output;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("rebuilt 0x"), HasSubstr(": equal\n"), HasSubstr("voxel   i ")));
  }
  const Json json = lineage("--step 0 --slot 2 --pixel 1,31,30");
  EXPECT_EQ(json["rebuilt"], json["trained"]);
  EXPECT_EQ(json["channel"], "flair");
  const Json& use = json["uses"][0];
  const Json& pixel = use["crop_pixels"][0];
  ASSERT_FALSE(pixel["voxels"].empty());
  const Json& voxel = pixel["voxels"][0];
  const std::string where = use["series"]["file"].get<std::string>() + "," + std::to_string(voxel["i"].get<int>()) + "," +
                            std::to_string(voxel["j"].get<int>()) + "," + std::to_string(voxel["k"].get<int>());
  const Json back = lineage("--step 0 --voxel " + where);
  EXPECT_EQ(back["subject_id"], use["subject_id"]);
  EXPECT_EQ(back["channel"], "flair");
  bool crop_found = false, input_found = false;
  for (const Json& crop : back["crops"]) {
    for (const Json& p : crop["pixels"])
      crop_found = crop_found || (crop["sample_id"] == use["sample_id"] && p["y"] == pixel["y"] && p["x"] == pixel["x"]);
  }
  for (const Json& t : back["inputs"])
    input_found = input_found || (t["slot"] == 2 && t["c"] == 1 && t["y"] == 31 && t["x"] == 30);
  EXPECT_TRUE(crop_found);
  EXPECT_TRUE(input_found || use["pixels"][0]["weight"] == 0);
}

TEST_F(LineageProgram, AChangedVoxelIsFoundAndAnOldPreparationRefused) {
  const std::string words = "--step 1 --slot 1 --pixel 0,31,31";
  const Json use = lineage(words)["uses"][0];
  const fs::path file = use["series"]["file"].get<std::string>();
  const std::string id = use["subject_id"];
  const std::string good = read_file(file, kAnySize);
  brighten(file, use["crop_pixels"][0]["voxels"][0]);
  const Outcome changed = audit("lineage " + run() + " " + words);
  EXPECT_EQ(changed.code, 1);
  EXPECT_THAT(changed.output, AllOf(HasSubstr(id + "_t1c.nii"), HasSubstr("was changed since it was prepared"),
                                    HasSubstr("trained on was 0x")));
  write_file(file, good);
  EXPECT_EQ(audit("lineage " + run() + " " + words).code, 0);
  const fs::path path = folder / "prep/subjects" / (id + ".json");
  Json record = parse_sealed_json(read_file(path, kAnySize));
  record.erase("lineage_sha256");
  write_file(path, sealed_json_text(record));
  const Outcome old = audit("lineage " + run() + " " + words);
  EXPECT_EQ(old.code, 3);
  EXPECT_THAT(old.output,
              AllOf(HasSubstr("was prepared before lineage was recorded"), HasSubstr("run `vitrine mri prep` again")));
  EXPECT_EQ(lines(old.output), 1);
}

TEST_F(LineageProgram, WhatIsOutOfRangeIsRefused) {
  const auto refused = [&](const std::string& words, int code, const std::string& part) {
    const Outcome outcome = audit("lineage " + run() + " " + words);
    EXPECT_EQ(outcome.code, code) << words;
    EXPECT_THAT(outcome.output, HasSubstr(part)) << words;
    EXPECT_EQ(lines(outcome.output), 1) << outcome.output;
  };
  const std::string flair = (folder / "a_flair.nii").string();
  refused("--step 9 --pixel 0,0,0", 2, "has the steps 0 to");
  refused("--step 1 --slot 3 --pixel 0,0,0", 2, "--slot is 3, expected 0 to 2");
  refused("--step 1 --pixel 0,64,0", 2, "expected 0 to 63");
  refused("--step 1 --pixel 0,0", 2, "expected c,y,x");
  refused("--pixel 0,0,0", 2, "pass --step");
  refused("--fold 5 --step 1 --pixel 0,0,0", 2, "the folds 0 to 1");
  refused("", 2, "either a pixel");
  refused("--voxel " + flair + ",44,0,0", 2, "0,0,0 to 43,45,41");
  refused("--voxel " + flair + ",1,0", 2, "expected FILE,i,j,k");
  refused("--voxel " + (folder / "a_mask.nii").string() + ",1,0,0", 3, "is the mask of subject a");
  refused("--voxel " + (folder / "nowhere.nii").string() + ",1,0,0", 3, "does not exist");
}

TEST_F(LineageProgram, LeaksAreFoundInVolumesToo) {
  const Outcome clean = audit("leaks " + run());
  EXPECT_EQ(clean.code, 0) << clean.output;
  EXPECT_THAT(clean.output, HasSubstr("nothing lies in two parts; compared: subject "));
  Json a = parse_sealed_json(read_file(folder / "prep/subjects/a.json", kAnySize));
  for (const char* other : {"b", "c", "d", "e", "f"}) {  // whichever lies in another part
    const fs::path path = folder / "prep/subjects" / (std::string(other) + ".json");
    Json record = parse_sealed_json(read_file(path, kAnySize));
    record["inputs"]["t2"] = a["inputs"]["t1c"];
    write_file(path, sealed_json_text(record));
  }
  const Outcome leaks = audit("leaks " + run());
  EXPECT_EQ(leaks.code, 3);
  EXPECT_THAT(leaks.output, AllOf(HasSubstr("fold 0: one volume file in two parts"), HasSubstr("has it as t1c of a"),
                                  HasSubstr("has it as t2 of")));
  const Outcome json = audit("leaks " + run() + " --json");
  EXPECT_EQ(json.code, 3);
  const std::size_t begin = json.output.find('{'), end = json.output.rfind('}');
  ASSERT_NE(begin, std::string::npos);
  EXPECT_GT(parse_json(json.output.substr(begin, end - begin + 1))["leaks"].size(), 0U);
}

TEST_F(LineageProgram, OfCropsWithoutVolumesTheChainEndsAtTheCrop) {
  for (const char* part : {"subjects", "lineage", "prep.json"}) fs::remove_all(folder / "prep" / part);
  const Outcome outcome = audit("lineage " + run() + " --step 1 --slot 1 --pixel 2,20,40");
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("the chain ends at the crop's file"), HasSubstr(": equal\n")));
  const Outcome back = audit("lineage " + run() + " --voxel " + (folder / "a_t1c.nii").string() + ",1,1,1");
  EXPECT_EQ(back.code, 3);
  EXPECT_THAT(audit("leaks " + run()).output, HasSubstr("the files of volumes were not compared"));
}

}  // namespace
}  // namespace vitrine::imaging
