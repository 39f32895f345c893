// The commands `mri bias`, `mri normalise` and `mri crop` on files.
#include <gmock/gmock.h>

#include <filesystem>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "imaging/formats/nifti.h"
#include "tests/cli/program.h"
#include "tests/imaging/phantom.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using imaging::Geometry;
using imaging::Volume;
using ::testing::HasSubstr;
using ::testing::Not;

class MriSteps : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    imaging::Phantom p = imaging::make_phantom({.lesion_radius = 8});
    for (Volume* v : {&p.image, &p.brain, &p.lesion}) v->geometry = stored(v->geometry);
    imaging::write_nifti(folder / "t1c.nii", p.image);
    imaging::write_mask_nifti(folder / "brain.nii", p.brain);
    imaging::write_mask_nifti(folder / "lesion.nii", p.lesion);
  }
  // The file's axes run to Right, Anterior and Superior.
  static Geometry stored(Geometry g) {
    g.direction = {-1, 0, 0, 0, -1, 0, 0, 0, 1};
    return g;
  }
  Volume read(const std::string& name) const { return imaging::read_nifti(folder / name); }
};

TEST_F(MriSteps, TheCorrectedVolumeTimesTheFieldIsTheImageOnItsOwnGrid) {
  const Outcome done =
      vitrine_program("mri bias " + path("t1c.nii") + " --mask " + path("brain.nii") + " --lesion " + path("lesion.nii") +
                      " -o " + path("flat.nii.gz") + " --field " + path("field.nii") + " --record " + path("r.json"));
  ASSERT_EQ(done.code, 0) << done.output;
  const Volume image = read("t1c.nii"), flat = read("flat.nii.gz"), field = read("field.nii");
  EXPECT_LT(imaging::corner_distance(image.geometry, flat.geometry), 1e-4);
  EXPECT_LT(imaging::corner_distance(image.geometry, field.geometry), 1e-4);
  double low = 1, high = 1;
  for (std::size_t i = 0; i < image.data.size(); ++i) {
    ASSERT_NEAR(flat.data[i] * field.data[i], image.data[i], 1e-6 * (1 + static_cast<double>(image.data[i])));
    low = std::min(low, static_cast<double>(field.data[i]));
    high = std::max(high, static_cast<double>(field.data[i]));
  }
  EXPECT_LT(low, 0.97);
  EXPECT_GT(high, 1.03);
  EXPECT_GT(Json::parse(read_file(folder / "r.json", 1u << 20)).at("steps").get<int>(), 0);
}

TEST_F(MriSteps, N4IsThereToCompare) {
  const std::string files =
      path("t1c.nii") + " --mask " + path("brain.nii") + " --lesion " + path("lesion.nii") + " -o " + path("flat.nii");
  const Outcome done = vitrine_program("mri bias " + files + " --method n4 --field " + path("field.nii"));
  ASSERT_EQ(done.code, 0) << done.output;
  const Volume image = read("t1c.nii"), flat = read("flat.nii"), field = read("field.nii");
  double low = 1e9, high = 0;
  for (std::size_t i = 0; i < image.data.size(); ++i) {
    ASSERT_NEAR(flat.data[i] * field.data[i], image.data[i], 1e-5 * (1 + static_cast<double>(image.data[i])));
    low = std::min(low, static_cast<double>(field.data[i]));
    high = std::max(high, static_cast<double>(field.data[i]));
  }
  EXPECT_GT(high / low, 1.05);
  const Outcome other = vitrine_program("mri bias " + files + " --method spm");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.output, HasSubstr("expected pairs or n4"));
}

TEST_F(MriSteps, TwoOutputsOfOneNameAndUnknownChoicesAreRefused) {
  const std::string before = read_file(folder / "t1c.nii", 1u << 28);
  const auto refused = [&](const std::string& arguments, int code, const std::string& why) {
    const Outcome done = vitrine_program("mri " + arguments);
    EXPECT_EQ(done.code, code) << done.output;
    EXPECT_THAT(done.output, HasSubstr(why));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.nii"));
  };
  const std::string brain = "brain " + path("t1c.nii") + " -o " + path("x.nii");
  refused(brain + " --record " + path("./x.nii"), 2, "two outputs are named");
  refused("bias " + path("t1c.nii") + " --mask " + path("brain.nii") + " -o " + path("x.nii") + " --record " + path("x.nii"), 2,
          "two outputs are named");
  refused(brain + " --contrast pd", 2, "expected auto, t1, flair or t2");
  refused(brain + " --template " + path("brain.nii"), 3, "the head template is damaged");
  refused(brain + " --template " + path("none.gz"), 3, "none.gz");
  EXPECT_EQ(read_file(folder / "t1c.nii", 1u << 28), before);
}

TEST_F(MriSteps, RefuseMasksOfAnotherGridAndOutputsThatAreInputs) {
  Volume small{{{20, 20, 20}, {2, 2, 2}}, std::vector<float>(8000)};
  small.data[0] = 1;
  imaging::write_mask_nifti(folder / "small.nii", small);
  const std::string image = path("t1c.nii"), brain = path("brain.nii"), lesion = path("lesion.nii"),
                    small_mask = path("small.nii");
  expect_refusal("mri bias " + image + " --mask " + small_mask + " -o " + path("o.nii"), 3,
                 {"the brain mask", "20 x 20 x 20", "80 x 92 x 72", "resample it"});
  expect_refusal("mri normalise " + image + " --mask " + brain + " --lesion " + small_mask + " -o " + path("o.nii"), 3,
                 {"the lesion mask", "20 x 20 x 20", "80 x 92 x 72"});
  expect_refusal("mri crop " + image + " --lesion " + small_mask + " -o " + path("crops"), 3, {"no lesion has 30 mm3"});
  expect_refusal("mri bias " + image + " --mask " + brain + " -o " + image, 2, {"is also an input"});
  expect_refusal("mri bias " + image + " --mask " + brain + " -o " + path("o.nii") + " --field " + brain, 2,
                 {"is also an input"});
  expect_refusal("mri bias " + image + " --mask " + brain + " -o " + path("o.nii") + " --field " + path("o.nii"), 2,
                 {"two outputs"});
  expect_refusal("mri normalise " + image + " --mask " + brain + " -o " + path("o.png"), 2, {".nii or .nii.gz"});
  EXPECT_FALSE(fs::exists(folder / "o.nii"));
  EXPECT_FALSE(fs::exists(folder / "crops"));
}

TEST_F(MriSteps, NormaliseAndCrop) {
  for (const std::string method : {"zscore", "minmax", "white-matter"}) {
    const Outcome done = vitrine_program("mri normalise " + path("t1c.nii") + " --mask " + path("brain.nii") + " --lesion " +
                                         path("lesion.nii") + " --method " + method + " -o " + path(method + ".nii"));
    ASSERT_EQ(done.code, 0) << done.output;
    for (const float v : read(method + ".nii").data) ASSERT_TRUE(v >= 0 && v <= 1) << v;
  }
  const std::string crop = "mri crop " + path("zscore.nii") + " " + path("minmax.nii") + " --lesion " + path("lesion.nii") +
                           " --brain " + path("brain.nii");
  ASSERT_EQ(vitrine_program(crop + " -q -o " + path("crops")).code, 0);
  const CsvTable table = read_csv(folder / "crops" / "crops.csv");
  EXPECT_EQ(table.size(), 3u);
  const TensorFile file = read_safetensors(folder / "crops" / std::string(table[0][table.column("file")]));
  EXPECT_EQ(file.at("image").shape, (Shape{64, 64, 2}));
  EXPECT_EQ(file.metadata.at("channels"), "zscore,minmax");
  const Outcome wide = vitrine_program(crop + " -o " + path("wide") + " --mode fixed-fov --fov 12 --slices largest");
  EXPECT_EQ(wide.code, 0);
  EXPECT_THAT(wide.output, HasSubstr("of 12.0 mm cuts the lesion"));
  EXPECT_EQ(read_csv(folder / "wide" / "crops.csv").size(), 1u);
  EXPECT_THAT(vitrine_program(crop + " -o " + path("crops") + " --fov 1").output,
              HasSubstr("field of view: 1 mm, expected 8 to 1000"));
}

}  // namespace
}  // namespace vitrine::testing
