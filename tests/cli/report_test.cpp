// `vitrine report` of runs and studies that are whole, unfinished, or lack an input; its tables hold the numbers of its figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/png.h"
#include "report/tables.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Report : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    prepare(10);
  }
  void prepare(int subjects) {
    write_crops(folder / "m", {.subjects = subjects, .crops = 2});
    run("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.4");
  }
  void cv(const std::string& inputs, const std::string& out, const std::string& more = "") {
    run("cv " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path(out) + " --inputs " + inputs +
        " --arch lite0 --mixup 0 --no-augmentation --threads 1 -q --epochs 2 " + more);
  }
  // A study's folder by hand: study.json only says where the manifest is and what the page's box says.
  void make_study(const std::vector<std::string>& inputs) {
    fs::create_directories(folder / "out" / "runs");
    fs::copy_file(folder / "s.json", folder / "out" / "splits.json");
    write_file(folder / "out" / "study.json",
               R"({"prepared": true, "table": "../m/manifest.csv", "synthetic_note": "made up"})");
    for (const std::string& name : inputs) cv(name, "out/runs/" + name);
  }
  Outcome run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    return outcome;
  }
  std::string page(const std::string& of, const std::string& more = "") {
    run("report " + path(of) + " -o " + path("page.html") + " " + more);
    return read_file(folder / "page.html", 1u << 24);
  }

  struct Line {
    std::vector<double> x, y;
  };
  // Two columns of the rows whose first cells are these.
  Line line_of(const std::string& table, const std::vector<std::string>& first, const std::string& x,
               const std::string& y) const {
    const CsvTable csv = read_csv(folder / "tables" / table);
    const std::size_t x_at = csv.column(x), y_at = csv.column(y);
    Line line;
    for (std::size_t i = 0; i < csv.size(); ++i) {
      bool fits = true;
      for (std::size_t c = 0; c < first.size(); ++c) fits &= csv[i][c] == first[c];
      double a = 0, b = 0;
      if (!fits || !parse_number(csv[i][x_at], a) || !parse_number(csv[i][y_at], b)) continue;
      line.x.push_back(a);
      line.y.push_back(b);
    }
    EXPECT_FALSE(line.x.empty()) << table;
    return line;
  }
};

TEST_F(Report, AStudysFiguresAreRebuiltFromItsTables) {
  make_study({"t1c", "t1c+flair+t2"});
  const std::string html = page("out", "--csv " + path("tables"));
  for (const std::string& name : report::table_names()) EXPECT_TRUE(fs::exists(folder / "tables" / name)) << name;
  const auto drawn = [&](const report::Plot& plot, const Line& line) {
    return html.find("points=\"" + plot.points(line.x, line.y) + "\"") != html.npos;
  };
  for (const char* inputs : {"t1c", "t1c+flair+t2"}) {
    for (const char* part : {"validation", "test"}) {
      for (const char* fold : {"0", "1"})
        EXPECT_TRUE(drawn(report::roc_plot(""),
                          line_of("roc.csv", {inputs, part, "slice", fold}, "false_positive_rate", "true_positive_rate")))
            << inputs << part << fold;
      EXPECT_TRUE(drawn(report::roc_plot(""), line_of("mean_roc.csv", {inputs, part}, "false_positive_rate", "mean")));
      const char* all = std::string(part) == "test" ? "ensemble" : "pooled";
      EXPECT_TRUE(drawn(report::pr_plot(""), line_of("pr.csv", {inputs, part, "slice", all}, "recall", "precision")));
      EXPECT_TRUE(drawn(report::reliability_plot(""),
                        line_of("calibration.csv", {inputs, part, "slice", all}, "predicted", "observed")));
    }
    const report::Plot accuracy(360, 240, {1, 2, {}, 0, ""}, {0, 1, {}, 1, ""}, "");
    EXPECT_TRUE(drawn(accuracy, line_of("history.csv", {inputs, "0"}, "epoch", "validation_accuracy"))) << inputs;
  }
  EXPECT_EQ(page("out"), html);
  EXPECT_THAT(html, HasSubstr("the accuracy of the validation part that is reported for it"));
  EXPECT_THAT(html, HasSubstr("<dd>drawn at random</dd>"));
  EXPECT_THAT(html, HasSubstr("made up"));
  EXPECT_THAT(html, HasSubstr("flair: no fold is finished; this input is not in these figures."));
  EXPECT_THAT(html, HasSubstr("T1c + FLAIR + T2 − T1c"));
  EXPECT_THAT(html, HasSubstr("vitrine controls OUT"));
}

TEST_F(Report, ShowsControlsAndMapsWhereTheyAre) {
  make_study({"t1c+flair+t2"});
  fs::create_directories(folder / "out" / "controls");
  fs::create_directories(folder / "out" / "explain");
  write_file(folder / "out/controls/controls.csv",
             "group,name,what,seed,validation_auc,validation_low,validation_high,test_auc,test_low,test_high,difference,"
             "difference_low,difference_high,subjects\nstudy,study,the study's run,42,0.8,0.6,0.9,n/a,n/a,n/a,n/a,n/a,n/a,6\n"
             "controls,permuted <labels>,dealt anew,43,0.51,0.3,0.7,n/a,n/a,n/a,-0.29,-0.5,-0.1,6\n");
  write_file(folder / "out/controls/verdicts.txt", "Permuted labels: 0.5 is expected.\n");
  const std::string png = report::png_bytes({2, 2, 1, {0, 1, 2, 3}});
  write_file(folder / "out/explain/one.png", png);
  write_file(folder / "out/explain/index.csv", "picture,method,sample_id\none.png,gradcam <4 x 4>,S1\n");
  const std::string html = page("out");
  EXPECT_THAT(html, HasSubstr("permuted &lt;labels&gt;"));
  EXPECT_THAT(html, HasSubstr("<li>Permuted labels: 0.5 is expected.</li>"));
  EXPECT_THAT(html, HasSubstr("0.51 (0.30 to 0.70)"));
  EXPECT_THAT(html, HasSubstr("sample S1, method gradcam &lt;4 x 4&gt;"));
  write_file(folder / "out/explain/index.csv", "picture,method\n../../s.png,gradcam\n");
  expect_refusal("report " + path("out") + " -o " + path("page.html"), 3, {"index.csv:2", "is no PNG in this folder"});
  fs::remove_all(folder / "out" / "explain");
  write_file(folder / "out/controls/controls.csv", "group,name\nstudy,study\n");
  expect_refusal("report " + path("out") + " -o " + path("page.html"), 3, {"controls.csv", "what"});
}

TEST_F(Report, LeavesOutFoldsThatAreNotFinishedAndSaysSo) {
  cv("t2", "r");
  EXPECT_THAT(page("r"), Not(HasSubstr("folds are finished")));
  fs::remove(folder / "r/fold_0/fold.json");
  const std::string html = page("r");
  EXPECT_THAT(html, HasSubstr("t2: 1 of 2 folds are finished (1); the others are not in these figures"));
  EXPECT_THAT(html, HasSubstr("n/a<span class=\"small\">"));
  EXPECT_THAT(html, HasSubstr("one fold leaves no other validation part to choose a threshold on"));
  EXPECT_THAT(html, HasSubstr("One input has a finished run; two are needed for a difference."));
  fs::remove(folder / "r/fold_1/fold.json");
  expect_refusal("report " + path("r") + " -o " + path("page.html"), 3, {"holds no finished fold"});
}

TEST_F(Report, ANestedChoiceIsNamed) {
  prepare(14);  // an inner part takes two training subjects of each class
  cv("t1c", "r", "--select nested --head concat-pool");
  const std::string html = page("r");
  EXPECT_THAT(html, HasSubstr("of an inner part of its training subjects (nested)"));
  EXPECT_THAT(html, HasSubstr("fold 0, inner part"));
  EXPECT_THAT(html, HasSubstr("loss of the inner part"));
  EXPECT_THAT(html, Not(HasSubstr("optimistic")));
  cv("t1c", "refit", "--select nested-refit --monitor loss");
  const std::string refit = page("refit");
  EXPECT_THAT(refit, HasSubstr("trained anew on all of them for so many epochs (nested-refit)"));
  EXPECT_THAT(refit, HasSubstr("training loss of the second training"));
  EXPECT_THAT(refit, HasSubstr("Epochs that were chosen"));
  EXPECT_THAT(refit, HasSubstr("fold 0, inner part"));
  EXPECT_THAT(html, Not(HasSubstr("second training")));
  run("report " + path("refit") + " --csv " + path("refit_tables"));
  const CsvTable history = read_csv(folder / "refit_tables/history.csv");
  EXPECT_NE(history[0][history.column("refit_train_loss")], "n/a");
  cv("t1c", "last", "--select last");
  EXPECT_THAT(page("last"), HasSubstr("The last epoch of a fold was kept"));
}

TEST_F(Report, OfAStudyWithoutItsDescriptionSaysWhatIsMissing) {
  prepare(6);
  fs::create_directories(folder / "out" / "runs");
  fs::copy_file(folder / "s.json", folder / "out" / "splits.json");
  expect_refusal("report " + path("out") + " -o " + path("page.html"), 3,
                 {"study.json", "manifest.csv", "put one of them back"});
}

TEST_F(Report, RefusesToWriteNothingOrOverTheRun) {
  cv("t1c", "r");
  expect_refusal("report " + path("r"), 2, {"there is nothing to write", "--csv"});
  expect_refusal("report " + path("r") + " --csv -", 2, {});
  expect_refusal("report " + path("r") + " --csv " + path("r/fold_0"), 2, {"history.csv"});
  run("report " + path("r") + " --csv " + path("only_tables"));
  EXPECT_TRUE(fs::exists(folder / "only_tables" / "metrics.csv"));
}

}  // namespace
}  // namespace vitrine::testing
