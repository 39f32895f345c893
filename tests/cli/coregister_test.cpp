// `vitrine mri coregister` as a user runs it.
#include "base/json.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ProgramCoregister = Program;

std::string bytes_of(const std::string& file) { return shell("cat '" + file + "'").output; }

TEST_F(ProgramCoregister, WritesTheMovedSeriesAndItsTransform) {
  if (!has_itk()) GTEST_SKIP() << "built without ITK";
  ASSERT_EQ(vitrine_program("simulate -q --patients 2 -o " + path("cohort")).code, 0);
  const std::string t1c = path("cohort/sub-001/t1c.nii.gz"), flair = path("cohort/sub-001/flair.nii.gz");
  const std::string pair = "mri coregister -q --fixed " + t1c + " --moving " + flair;
  const std::string before = bytes_of(flair);
  for (const char* run : {"1", "2"}) {
    const Outcome o = vitrine_program(
        pair + " -o " + path(std::string("out") + run + ".nii.gz") + " --transform " + path(std::string("t") + run + ".json"),
        std::string("VITRINE_THREADS=") + run);
    ASSERT_EQ(o.code, 0) << o.output;
  }
  EXPECT_EQ(bytes_of(path("out1.nii.gz")), bytes_of(path("out2.nii.gz")));
  EXPECT_EQ(bytes_of(path("t1.json")), bytes_of(path("t2.json")));
  const Json json = parse_json(bytes_of(path("t1.json")));
  ASSERT_EQ(json["matrix"].size(), 4u);
  EXPECT_EQ(json["matrix"][3], (Json::array({0.0, 0.0, 0.0, 1.0})));
  EXPECT_GT(json["nmi_after"], json["nmi_before"]);
  EXPECT_EQ(json["preset"], "vitrine");

  expect_refusal(pair + " -o " + flair, 2, {"is also an input"});
  expect_refusal(pair + " -o " + path("x.nii.gz") + " --transform " + t1c, 2, {"is also an input"});
  expect_refusal(pair + " -o " + path("x.png"), 2, {".nii.gz was expected"});
  expect_refusal(pair + " -o " + path("x.nii.gz") + " --transform " + path("x.nii.gz"), 2, {"both name"});
  expect_refusal(pair + " -o " + path("x.nii.gz") + " --preset fsl", 2, {"vitrine or spm was expected"});
  expect_refusal(pair + " -o " + path("x.nii.gz") + " --interpolation sinc", 2, {"linear or cubic was expected"});
  expect_refusal("mri coregister --fixed " + t1c + " --moving " + path("none.nii.gz") + " -o " + path("x.nii.gz"), 3,
                 {"does not exist"});
  EXPECT_FALSE(fs::exists(path("x.nii.gz")));
  EXPECT_EQ(bytes_of(flair), before);
}

}  // namespace
}  // namespace vitrine::testing
