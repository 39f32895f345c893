#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/output.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/png.h"

namespace vitrine::testing {
namespace {

using namespace vitrine::report;  // NOLINT: a test of that namespace

// Every opened element is closed, in order; void elements of HTML are known.
std::string unbalanced(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return "a tag never ends";
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.ends_with("/")) continue;
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" \n", 1) - (tag[0] == '/' ? 1 : 0));
    if (name == "meta" || name == "img" || name == "br") continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back() + " stays open";
}

StudyResult sample_study() {
  StudyResult study;
  study.title = "A <study> & \"more\"";
  study.synthetic_note = "made <b>up</b>";
  study.cohort = {{"NSCLC", 7, 9, 25, 1}, {"SCLC", 5, 6, 17, 1}};
  CropPicture crop;
  crop.sample_id = "<script>alert(1)</script>";
  crop.subject_id = "sub'1\"";
  crop.label = "SCLC";
  crop.predicted = "NSCLC";
  crop.probability = 0.75;
  crop.width = crop.height = 2;
  crop.channels = {{"T1c", {0, 0.5f, 1, 2}}, {"FLAIR", {0, 0, 0, 0}}};
  study.examples = study.predictions = {crop};
  InputResult input;
  input.inputs = "t1c+flair+t2";
  input.validation.accuracy = {0.9, 0.04, 5};
  input.validation.auc = {0.95, 0.02, 5};
  input.validation.classes = {{"NSCLC", {0.8, 0.1, 5}, {0.7, 0.1, 5}, {0.75, 0.1, 5}}, {"SCLC", {}, {0.5, 0, 1}, {}}};
  input.validation.roc = {{{0, 0, 1}, {0, 0.5, 1}}, {{0, 0.5, 1}, {0, 1, 1}}};
  input.test = input.validation;
  input.folds = {{{0.7, 0.5}, {0.8, 0.6}, {0.5, 0.9}, 1}};
  study.inputs = {input};
  study.configuration = {{"arch", "b0"}};
  study.caveats = {"Small <numbers>."};
  return study;
}

TEST(ReportSmoke, IsWellFormedCompleteAndTheSameTwice) {
  const std::string html = html_report(sample_study());
  EXPECT_EQ(unbalanced(html), "");
  for (const char* part : {"Table 1", "Table 2", "Table 3", "Figure 1", "Figure 2", "Figure 3", "Configuration", "0.90 ± 0.04",
                           "n/a", "<svg", "data:image/png;base64,"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(html_report(sample_study()), html);
}

TEST(Report, EscapesWhatUsersNamed) {
  const std::string html = html_report(sample_study());
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
  EXPECT_EQ(html.find("http://"), html.find("http://www.w3.org/2000/svg"));  // a name, not a link
  EXPECT_EQ(html.find("https://"), std::string::npos);
}

TEST(Report, EmptyResultsAreShownAsSuch) {
  const std::string html = html_report({});
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_NE(html.find("No run has finished"), std::string::npos);
  StudyResult study = sample_study();
  study.inputs[0].test = {};
  study.inputs[0].folds.clear();
  study.inputs[0].validation.roc.clear();
  EXPECT_EQ(unbalanced(html_report(study)), "");
  EXPECT_EQ(html_report(study).find("nan"), std::string::npos);
}

TEST(Report, MeanRocIsTheVerticalAverage) {
  const MeanRoc mean = mean_roc({{{0, 0, 1}, {0, 0.5, 1}}, {{0, 0.5, 1}, {0, 1, 1}}});
  ASSERT_EQ(mean.x.size(), 101u);
  EXPECT_EQ(mean.mean.front(), 0);
  EXPECT_EQ(mean.mean.back(), 1);
  EXPECT_NEAR(mean.mean[50], (0.75 + 1.0) / 2, 1e-12);
  EXPECT_NEAR(mean.mean[25], (0.625 + 0.5) / 2, 1e-12);
  EXPECT_EQ(value_text({}), "n/a");
  EXPECT_EQ(value_text({0.5, 0, 1}), "0.50");
}

TEST(Markup, Base64Vectors) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(escaped("<a href='x'>&\"\x01"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
}

TEST(Pictures, ZoomAndStandSideBySide) {
  const float values[] = {0, 1, -3, 0.5f};
  const Picture p = grey_picture(values, 2, 2, 2);
  EXPECT_EQ(p.width, 4);
  EXPECT_EQ(p.pixels[3], 255);
  EXPECT_EQ(p.pixels[8], 0);  // clipped
  const Picture two = side_by_side({p, p}, 1);
  EXPECT_EQ(two.width, 9);
  EXPECT_EQ(two.pixels[4], 255);
  EXPECT_THROW(png_bytes({2, 2, 1, {0}}), InternalError);
}

}  // namespace
}  // namespace vitrine::testing
