// The folder of a preparation as a page of quality control.
#include "imaging/qc_folder.h"

#include <gmock/gmock.h>

#include "imaging/qc_figures.h"
#include "imaging/qc_pictures.h"
#include "prepared_cohort.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class QcFolderOf : public PreparedCohort {
 protected:
  // Two patients, the second refused where wished; the first alone with pictures.
  void prepare_with_picture(bool refuse_second = false) {
    std::map<std::string, fs::path> other;
    if (refuse_second) {
      write_file(folder / "cut.nii.gz", read_file(file(2, "t2"), kAnySize).substr(0, 40000));
      other["b t2"] = folder / "cut.nii.gz";
    }
    prepare(table(other));
    const Volume t1c = head(1, "t1c");
    const std::vector<QcPicture> pictures = qc_pictures({t1c, nullptr, nullptr, head(1, "brain_mask"), head(1, "mask"), {}});
    Json r = record("a");
    r["pictures"] = Json::array();
    make_directory(folder / "out/qc/a");
    for (const QcPicture& p : pictures) {
      const std::string file = "qc/a/" + p.name + ".png";
      write_file(folder / "out" / file, p.png);
      r["pictures"].push_back({{"name", p.name}, {"caption", p.caption}, {"file", file}, {"sha256", sha256(p.png)}});
    }
    write_record("a", r);
    if (refuse_second) return;
    Json other_record = record("b");
    other_record.erase("pictures");
    write_record("b", other_record);
  }
  void write_record(const std::string& id, Json r) const {
    r.erase("sha256");
    write_file(folder / "out/subjects" / (id + ".json"), sealed_json_text(std::move(r)));
  }
  std::string html(bool embed = true, const fs::path& beside = "out") const {
    QcPageOptions options;
    options.page_folder = folder / beside;
    options.embed = embed;
    return report::qc_html(qc_page_of(read_qc_folder(folder / "out"), folder / "out", options));
  }
};

TEST_F(QcFolderOf, ShowsPicturesCropsAndFiguresOfEverySubject) {
  prepare_with_picture();
  const std::string page = html();
  EXPECT_THAT(page, AllOf(HasSubstr("2 of 2 subjects"), HasSubstr("T1c with the outline of the brain"), HasSubstr("brain, ml"),
                          HasSubstr("FLAIR: turned by, degrees"), HasSubstr("T2: bias field, highest by lowest"),
                          HasSubstr("T1c and FLAIR: apart, mm"), HasSubstr("lesion mask: outside the brain, %")));
  EXPECT_EQ(page, html());
  EXPECT_THAT(page, Not(HasSubstr("in files beside this page")));
  // prep's own page is the same, but for the names of the files, which the folder does not hold.
  EXPECT_THAT(read("qc.html"),
              AllOf(HasSubstr("T1c: file"), HasSubstr("p1_t1c.nii.gz"), HasSubstr("FLAIR: turned by, degrees")));
  // As links, from where the page lies.
  EXPECT_THAT(html(false), AllOf(HasSubstr("src=\"qc/a/brain_axial.png\""), HasSubstr("src=\"previews/a_l1_s"),
                                 Not(HasSubstr("data:image"))));
  EXPECT_THAT(html(false, "pages"), HasSubstr("src=\"../out/qc/a/brain_axial.png\""));
}

TEST_F(QcFolderOf, RefusedSubjectsComeFirstWithTheirReason) {
  prepare_with_picture(true);
  const std::string page = html();
  EXPECT_THAT(page, AllOf(HasSubstr("1 of 2 subjects"), HasSubstr("<h2>Refused</h2>"), HasSubstr("truncated")));
}

TEST_F(QcFolderOf, DamageIsSaidAndNotShown) {
  prepare_with_picture();
  write_file(folder / "out/qc/a/brain_axial.png", "something else");
  std::string page = html();
  EXPECT_THAT(page, AllOf(HasSubstr("brain_axial.png was changed or damaged"), HasSubstr("three sagittal slices")));
  EXPECT_THAT(page, Not(HasSubstr("T1c with the outline of the brain")));
  const std::string crop = entries_of(folder / "out/crops").front().filename().string();
  write_file(folder / "out/crops" / crop, "no crop");
  EXPECT_THAT(html(), HasSubstr(crop + ": its SHA-256 is not the manifest"));
  write_file(folder / "out/subjects/b.json", "{}");
  page = html();
  EXPECT_THAT(page, AllOf(HasSubstr("1 of 2 subjects"), HasSubstr("cannot be trusted")));
}

TEST_F(QcFolderOf, ARecordCannotNameAFileElsewhere) {
  prepare_with_picture();
  write_file(folder / "secret.png", read("qc/a/brain_axial.png"));
  for (const char* name : {"../../../secret", "a/b", "", "UPPER", "brain_axial.png"}) {
    Json r = record("a");
    r["pictures"][0]["name"] = name;
    write_record("a", r);
    EXPECT_THAT(html(), HasSubstr("is no name of a picture")) << name;
  }
}

TEST_F(QcFolderOf, AFolderThatIsNoneOfAPreparationIsRefused) {
  const auto why = [&]() -> std::string {
    try {
      read_qc_folder(folder / "out");
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(why(), HasSubstr("is no folder"));
  make_directory(folder / "out");
  EXPECT_THAT(why(), HasSubstr("does not exist"));
  write_file(folder / "out/prep.json", "{}");
  EXPECT_THAT(why(), HasSubstr("'refused'"));
  prepare_with_picture();
  EXPECT_EQ(why(), "");
  fs::copy(folder / "out/subjects/a.json", folder / "out/subjects/old.json");
  EXPECT_THAT(html(), HasSubstr("manifest.csv does not name them: old."));  // of another table
  fs::remove(folder / "out/manifest.csv");
  EXPECT_THAT(why(), HasSubstr("names 0 subjects, prep.json 2"));
}

// Of the record's numbers, known ones have their words and unknown ones those of their key.
TEST(QcFigures, AreNamedInWords) {
  const Json record = parse_json(R"({"brain_ml": 1400.5, "agreement": {"t1c_t2": {"shift_mm": -1, "squared_correlation": 0.5}},
    "steps": {"flair": {"angles_rad": [0, 0, 0.5235987755982988], "translation_mm": [3, 4, 12], "metric_after": -0.8, "metric_before": -0.1,
      "field_low": 0.8, "field_high": 1.2, "start": "mass", "rim_share": 0.25, "size": [2, 3, 4], "loop": {"loop_closure_mm": 0.3, "tries": 3}},
      "t2": {"matrix": [[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]], "is_mirrored": false}}})");
  std::map<std::string, double> values;
  for (const QcFigure& f : figures_of(record)) values[f.measure.name] = f.value;
  const std::map<std::string, double> expected = {{"brain, ml", 1400.5},
                                                  {"T1c and T2: squared correlation", 0.5},
                                                  {"FLAIR: turned by, degrees", 30},
                                                  {"FLAIR: moved by, mm", 13},
                                                  {"FLAIR: information", 0.8},
                                                  {"FLAIR: bias field, highest by lowest", 1.5},
                                                  {"FLAIR: rim, %", 25},
                                                  {"FLAIR: loop: loop closure, mm", 0.3},
                                                  {"FLAIR: loop: tries", 3},
                                                  {"T2: turned by, degrees", 90}};
  EXPECT_EQ(values.size(), expected.size());
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(values.contains(name)) << name;
    EXPECT_NEAR(values[name], value, 1e-6) << name;
  }
  std::map<std::string, std::string> facts;
  for (const report::QcFact& f : facts_of(record, {{"t1c", "x.nii"}})) facts[f.name] = f.value;
  EXPECT_EQ(facts["FLAIR: start"], "mass");
  EXPECT_EQ(facts["FLAIR: size"], "2, 3, 4");
  EXPECT_EQ(facts["T2: is mirrored"], "no");
  EXPECT_EQ(facts["T1c: file"], "x.nii");
}

}  // namespace
}  // namespace vitrine::imaging
