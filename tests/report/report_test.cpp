#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <vector>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/png.h"
#include "report/record_part.h"
#include "report/report_style.h"
#include "report/tables.h"
#include "tests/report/sample_report.h"

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

std::vector<std::string> all_of(const std::string& html, const std::string& before, const std::string& after) {
  std::vector<std::string> found;
  for (std::size_t at = html.find(before); at != html.npos; at = html.find(before, at + 1)) {
    const std::size_t begin = at + before.size();
    found.push_back(html.substr(begin, html.find(after, begin) - begin));
  }
  return found;
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

TEST(Report, SectionsStandInTheirOrderAndTheContentsLeadToThem) {
  const std::string html = html_report(sample_study());
  const std::vector<std::string> ids{
      "table-1",     "figure-1",  "table-2",  "table-3",  "figure-2",    "figure-3",      "levels-validation", "levels-test",
      "differences", "confusion", "figure-4", "figure-5", "figure-6",    "controls",      "choices",           "learning",
      "losses",      "saliency",  "limits",   "splits",   "environment", "configuration", "model-card",        "claim"};
  EXPECT_EQ(all_of(html, "<h3 id=\"", "\""), ids);
  EXPECT_EQ(all_of(html.substr(0, html.find("</nav>")), "<li><a href=\"#", "\""), ids);
  for (const std::string& target : all_of(html, "href=\"#", "\""))
    EXPECT_NE(html.find("id=\"" + target + "\""), std::string::npos) << target;
}

TEST(Report, IsReadableByAScreenReader) {
  const std::string html = html_report(sample_study());
  EXPECT_NE(html.find("<html lang=\"en\">"), std::string::npos);
  EXPECT_LT(html.find("class=\"skip\" href=\"#main\""), html.find("<h1>"));
  EXPECT_EQ(all_of(html, "<table", ">").size(), all_of(html, "<caption>", "<").size());
  for (const std::string& cell : all_of(html, "<th ", ">")) EXPECT_NE(cell.find("scope=\""), std::string::npos) << cell;
  EXPECT_EQ(html.find("<th>"), std::string::npos);
  for (const std::string& drawing : all_of(html, "<svg ", ">")) {
    EXPECT_NE(drawing.find("role=\"img\" aria-label=\""), std::string::npos) << drawing;
    EXPECT_EQ(drawing.find("aria-label=\"\""), std::string::npos) << drawing;
  }
  for (const std::string& image : all_of(html, "<img ", ">")) EXPECT_EQ(image.find("alt=\""), 0u) << image.substr(0, 80);
  int last = 1;  // headings go down one level at a time
  for (std::size_t at = html.find("<h"); at != html.npos; at = html.find("<h", at + 1)) {
    if (html[at + 2] < '1' || html[at + 2] > '6') continue;
    EXPECT_LE(html[at + 2] - '0', last + 1) << html.substr(at, 60);
    last = html[at + 2] - '0';
  }
}

TEST(Report, EveryFigureAndTableOfNumbersSaysWhatItIsMadeFrom) {
  const std::vector<std::string> names = table_names();
  std::size_t sources = 0;
  for (const std::string& line : all_of(html_report(sample_study()), "<p class=\"source\">", "</p>")) {
    ++sources;
    EXPECT_EQ(line.find("Made from "), 0u);
    bool has_table = false;
    for (const std::string& name : names) has_table |= line.find(name) != line.npos;
    EXPECT_TRUE(has_table) << line;
  }
  EXPECT_EQ(sources, 21u);  // all sections but limits, model card and checklist
}

TEST(Report, ThePapersFiguresStandBesideOurs) {
  const std::string html = html_report(sample_study());
  for (const char* figure : {"0.87 ± 0.05", "0.92 ± 0.05", "0.87 ± 0.08", "0.88 ± 0.05", "0.85 ± 0.05", "0.90 ± 0.05",
                             "0.85 ± 0.07", "0.88 ± 0.09", "0.81 ± 0.07", ">102<", ">296<", "not in our copy"})
    EXPECT_NE(html.find(figure), std::string::npos) << figure;
}

TEST(Report, SaysWhatTheFiguresAreWorth) {
  StudyResult study = sample_study();
  EXPECT_NE(html_report(study).find("the validation figures are optimistic"), std::string::npos);
  EXPECT_NE(html_report(study).find("its ROC AUC by subject is not defined: only one class is present"), std::string::npos);
  study.inputs.back().levels.back().figures.back() = {"auc", 0.7, 0.2, 1.0, "", {}};
  EXPECT_NE(html_report(study).find("0.70, 95 % interval 0.20 to 1.00: 0.80 wide"), std::string::npos);
  study.select = "nested";
  EXPECT_EQ(html_report(study).find("optimistic"), std::string::npos);
  EXPECT_NE(html_report(study).find("loss of the inner part"), std::string::npos);
  for (const char* views : {"none", "both"}) {
    study.configuration.emplace_back("tta", views);
    EXPECT_EQ(html_report(study).find("mean over a crop and its mirror images") != std::string::npos,
              views == std::string("both"));
    study.configuration.pop_back();
  }
}

TEST(Report, UndefinedFiguresSayWhy) {
  const std::string html = html_report(sample_study());
  EXPECT_NE(html.find("n/a<span class=\"small\">reason a</span>"), std::string::npos);
  EXPECT_NE(html.find("<b>a</b> only one class is present"), std::string::npos);
  EXPECT_EQ(html.find(">nan"), std::string::npos);
  EXPECT_NE(html.find("<td>0<span class=\"small\">n/a</span></td>"), std::string::npos);  // a class without a unit
}

TEST(Report, TheChecklistHasItsItemsAndMarksThoseOfTheUser) {
  ASSERT_EQ(checklist().size(), 42u);
  const std::string html = html_report(sample_study());
  std::size_t open = 0;
  for (const ChecklistItem& c : checklist()) open += *c.answer == '\0' ? 1 : 0;
  EXPECT_EQ(all_of(html, "to be answered by ", "<").size(), open);
  EXPECT_GT(open, 10u);
}

TEST(Report, EscapesWhatUsersNamed) {
  const std::string html = html_report(sample_study());
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<i>"), std::string::npos);
  EXPECT_EQ(html.find("<dealt"), std::string::npos);
  EXPECT_NE(html.find("A &lt;study&gt; &amp; &quot;more&quot;"), std::string::npos);
  std::string links = html;  // a name of SVG, not a link
  const std::string name = "http://www.w3.org/2000/svg";
  for (std::size_t at = links.find(name); at != links.npos; at = links.find(name)) links.erase(at, name.size());
  EXPECT_EQ(links.find("http://"), std::string::npos);
  EXPECT_EQ(links.find("https://"), std::string::npos);
}

TEST(Report, EmptyResultsAreShownAsSuch) {
  const std::string html = html_report({});
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_NE(html.find("No run has finished"), std::string::npos);
  for (const std::string& target : all_of(html, "href=\"#", "\""))
    EXPECT_NE(html.find("id=\"" + target + "\""), std::string::npos) << target;
  StudyResult study = sample_study();
  study.inputs[0].test = {};
  study.inputs[0].folds.clear();
  study.inputs[0].validation.roc.clear();
  study.inputs[1].levels.clear();
  study.controls.clear();
  study.explanations.clear();
  EXPECT_EQ(unbalanced(html_report(study)), "");
  EXPECT_EQ(html_report(study).find(">nan"), std::string::npos);
  EXPECT_NE(html_report(study).find("vitrine explain OUT"), std::string::npos);
  EXPECT_NE(html_report(study).find("vitrine controls OUT"), std::string::npos);
}

// Every line of a figure, from the table that its caption names.
TEST(Report, FiguresAreRebuiltFromTheirTables) {
  const StudyResult study = sample_study();
  const std::string html = html_report(study);
  std::map<std::string, CsvTable> tables;
  for (const auto& [name, bytes] : csv_tables(study)) tables.emplace(name, parse_csv(bytes, name));
  const auto number = [](std::string_view cell) {
    double value = -1;
    EXPECT_TRUE(parse_number(cell, value)) << cell;
    return value;
  };
  const CsvTable& roc = tables.at("mean_roc.csv");
  ASSERT_EQ(roc.size(), 4u * 2 * 101);
  std::vector<double> x, mean;
  for (std::size_t i = 0; i < 101; ++i) {
    x.push_back(number(roc[i][2]));
    mean.push_back(number(roc[i][3]));
  }
  EXPECT_NE(html.find(roc_plot("").points(x, mean)), std::string::npos);
  EXPECT_EQ(std::string(tables.at("table2_validation.csv")[0][2]), "precision");
  EXPECT_EQ(tables.at("history.csv").size(), 4u * 2 * 2);
  EXPECT_EQ(tables.at("claim.csv").size(), 42u);
}

// Relative luminance of WCAG 2.1 for a colour "#rrggbb".
double luminance(const std::string& colour) {
  double sum = 0;
  const double weights[] = {0.2126, 0.7152, 0.0722};
  for (int c = 0; c < 3; ++c) {
    const double v = std::stoi(colour.substr(static_cast<std::size_t>(1 + 2 * c), 2), nullptr, 16) / 255.0;
    sum += weights[c] * (v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
  }
  return sum;
}

TEST(Report, TextHasContrastInBothSchemes) {
  const std::string style = kReportStyle;
  std::vector<std::string> schemes = all_of(style, ":root {", "}");
  ASSERT_EQ(schemes.size(), 3u);  // light, dark, paper
  for (const std::string& scheme : schemes) {
    const auto colour = [&](const std::string& name) {
      const std::size_t at = scheme.find("--" + name + ": #");
      if (at == scheme.npos) return std::string();
      const std::string value = scheme.substr(at + name.size() + 4, 7);
      return value[4] == ';' || value[4] == ' ' ? std::string{'#', value[1], value[1], value[2], value[2], value[3], value[3]}
                                                : value;
    };
    for (const char* on : {"paper", "note"}) {
      for (const char* ink : {"ink", "faint", "blue", "vermilion", "green"}) {
        const double a = luminance(colour(on)), b = luminance(colour(ink));
        EXPECT_GE((std::max(a, b) + 0.05) / (std::min(a, b) + 0.05), 4.5) << ink << " on " << on << " in" << scheme;
      }
    }
  }
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
