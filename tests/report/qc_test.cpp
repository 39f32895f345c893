// The page of quality control.
#include "report/qc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/qc_order.h"

namespace vitrine::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

QcPage page() {
  QcPage p;
  p.title = "Preparation";
  p.lines = {"2 of 3"};
  p.measures.resize(1);
  p.measures[0].name = "crops";
  QcSubject fine, noted, warned, refused;
  fine.id = "fine";
  fine.values = {3.0};
  noted.id = "noted";
  noted.notes = {{false, "a <decision>"}, {false, "another"}};
  warned.id = "warned";
  warned.label = "A & B";
  warned.notes = {{false, "a decision"}, {true, "a doubt"}};
  warned.crops = {{"lesion 1", {{"T1c", "not really a PNG"}, {"T2", "x"}}, ""}};
  warned.facts = {{"t1c", "\"stored\""}};
  refused.id = "refused";
  refused.refused = "cut <here>";
  p.subjects = {fine, noted, warned, refused};
  return p;
}

std::size_t place(const std::string& html, const std::string& what) {
  EXPECT_THAT(html, HasSubstr(what));
  return html.find(what);
}

TEST(QcPage, TheWorstComesFirst) {
  const std::string html = qc_html(page());
  EXPECT_LT(place(html, "<h2>Refused</h2>"), place(html, "<h2>Subjects</h2>"));
  EXPECT_LT(place(html, "<a href=\"#subject-4\">refused</a>"), place(html, "<a href=\"#subject-3\">warned</a>"));
  EXPECT_LT(place(html, "<a href=\"#subject-3\">warned</a>"), place(html, "<a href=\"#subject-2\">noted</a>"));
  EXPECT_LT(place(html, "<a href=\"#subject-2\">noted</a>"), place(html, "<a href=\"#subject-1\">fine</a>"));
  EXPECT_LT(place(html, "a doubt"), place(html, "a decision"));
  for (const char* id : {"id=\"subject-1\"", "id=\"subject-2\"", "id=\"subject-3\"", "id=\"subject-4\""}) place(html, id);
}

TEST(QcPage, EverythingIsEscaped) {
  const std::string html = qc_html(page());
  EXPECT_THAT(html, HasSubstr("cut &lt;here&gt;"));
  EXPECT_THAT(html, HasSubstr("a &lt;decision&gt;"));
  EXPECT_THAT(html, HasSubstr("A &amp; B"));
  EXPECT_THAT(html, HasSubstr("&quot;stored&quot;"));
  QcPage hostile = page();
  hostile.subjects[0].id = "<script>alert(1)</script>";
  hostile.subjects[0].notes = {{true, "\" onmouseover=\"x"}};
  const std::string bad = qc_html(hostile);
  EXPECT_THAT(bad, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(bad, HasSubstr("&lt;script&gt;alert"));
  EXPECT_THAT(bad, Not(HasSubstr("\" onmouseover")));
}

TEST(QcPage, FetchesNothingAndRepeats) {
  const std::string html = qc_html(page());
  EXPECT_EQ(html, qc_html(page()));
  for (const char* word : {"http:", "https:", "<link", "url("}) EXPECT_THAT(html, Not(HasSubstr(word)));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("script-src 'sha256-"));
  EXPECT_EQ(html.find("<script>"), html.rfind("<script"));  // one, the page's own
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(html, HasSubstr("width=device-width"));
}

TEST(QcPage, EveryPictureSaysWhichSideIsRight) {
  const std::string html = qc_html(page());
  std::size_t pictures = 0, marks = 0;
  for (std::size_t at = html.find("<img"); at != html.npos; at = html.find("<img", at + 1)) ++pictures;
  for (std::size_t at = html.find("<i class=\"r\">R</i><i class=\"l\">L</i>"); at != html.npos;
       at = html.find("<i class=\"r\">R</i><i class=\"l\">L</i>", at + 1))
    ++marks;
  EXPECT_EQ(pictures, 2u);
  EXPECT_EQ(marks, 2u);
}

TEST(QcPage, ManyCropsDoNotMakeAPageThatNoBrowserOpens) {
  QcPage many = page();
  for (int i = 0; i < 200; ++i) {
    QcSubject s;
    s.id = "s" + std::to_string(i);
    s.crops = {{"lesion 1", {{"T1c", std::string(400'000, 'x')}}, ""}};
    many.subjects.push_back(s);
  }
  const std::string html = qc_html(many);
  EXPECT_LT(html.size(), std::size_t{60} << 20);
  EXPECT_THAT(html, HasSubstr("Its crops are in the folder previews."));
}

TEST(QcPage, PicturesBeyondTheLimitAreLinkedAndThePageSaysSo) {
  QcPage p = page();
  p.subjects[0].pictures = {{"outlines & more", "qc/a b#1/brain.png", std::string(3000, 'x'), 400, 300}};
  EXPECT_THAT(qc_html(p), HasSubstr("alt=\"outlines &amp; more\" width=\"400\" height=\"300\" decoding=\"async\" src=\"data:"));
  EXPECT_THAT(qc_html(p), Not(HasSubstr("in files beside this page")));
  p.most_embedded = 3000;
  p.subjects[2].crops[0].panels[0].png = std::string(3000, 'x');
  p.subjects[2].crops[0].file = "previews/x.png";
  const std::string html = qc_html(p);
  EXPECT_THAT(html, HasSubstr("loading=\"lazy\" src=\"qc/a%20b%231/brain.png\""));
  EXPECT_THAT(html, HasSubstr("loading=\"lazy\" src=\"previews/x.png\""));
  EXPECT_THAT(html, HasSubstr("2 pictures stand in files beside this page"));
  EXPECT_THAT(html, Not(HasSubstr("data:image")));
}

// Subjects with these values of one figure.
QcPage cohort(const std::vector<double>& values) {
  QcPage p;
  p.measures.resize(1);
  p.measures[0].name = "turned by, degrees";
  for (const double v : values) {
    QcSubject s;
    s.id = "s" + std::to_string(p.subjects.size());
    s.values = {v};
    p.subjects.push_back(s);
  }
  return p;
}

TEST(QcOrder, AFigureOutOfTheRangeComesBeforeWarningsAndIsNamed) {
  QcPage p = cohort({1, 2, 3, 4, 5, 40, 12});
  p.subjects[0].notes = {{true, "a"}, {true, "b"}};
  p.subjects[1].refused = "cut";
  const QcOrder order = worst_first(p);
  // Median of 1, 3, 4, 5, 12, 40: 4.5; distances 0.5, 0.5, 1.5, 3.5, 7.5, 35.5: 2.5.
  ASSERT_TRUE(order.ranges[0]);
  EXPECT_DOUBLE_EQ(order.ranges[0]->median, 4.5);
  EXPECT_DOUBLE_EQ(order.ranges[0]->deviation, 1.4826 * 2.5);
  EXPECT_EQ(order.subjects, (std::vector<std::size_t>{1, 5, 0, 2, 3, 4, 6}));
  ASSERT_EQ(order.far[5].size(), 1u);
  EXPECT_DOUBLE_EQ(order.far[5][0].deviations, 35.5 / (1.4826 * 2.5));
  EXPECT_THAT(order.far[6], ::testing::IsEmpty());  // 2.02 deviations
  EXPECT_THAT(qc_html(p), HasSubstr("turned by, degrees 40.0 (median 4.5, 9.6 deviations away)"));
}

TEST(QcOrder, OnlyTheSideThatCountsIsFar) {
  QcPage p = cohort({10, 11, 12, 13, 14, 15, 90, -90});
  p.measures[0].far = QcMeasure::Far::above;
  EXPECT_EQ(worst_first(p).far[6].size(), 1u);
  EXPECT_EQ(worst_first(p).far[7].size(), 0u);
  p.measures[0].far = QcMeasure::Far::below;
  EXPECT_EQ(worst_first(p).far[6].size(), 0u);
  EXPECT_EQ(worst_first(p).far[7].size(), 1u);
  p.measures[0].far = QcMeasure::Far::never;
  EXPECT_EQ(worst_first(p).far[6].size(), 0u);
}

TEST(QcOrder, EqualFiguresAndFewSubjectsHaveNoChanceRange) {
  QcPage equal = cohort({5, 5, 5, 5, 5, 5, 5.2});
  EXPECT_EQ(worst_first(equal).far[6].size(), 0u);  // 2 % of the median is chance
  equal.subjects[6].values = {6.0};
  EXPECT_EQ(worst_first(equal).far[6].size(), 1u);
  equal.measures[0].least = 0.5;
  EXPECT_EQ(worst_first(equal).far[6].size(), 0u);
  const QcOrder few = worst_first(cohort({1, 1, 1, 1, 1000}));
  EXPECT_FALSE(few.ranges[0]);
  EXPECT_EQ(few.subjects.front(), 0u);
}

TEST(QcOrder, RatiosAreComparedByTheirLogarithm) {
  QcPage p = cohort({1, 2, 4, 8, 16, 32, 64});
  p.measures[0].logarithmic = true;
  EXPECT_NEAR(worst_first(p).ranges[0]->median, 8, 1e-12);
  p.subjects[0].values = {0.0};  // no ratio: it takes no part
  EXPECT_NEAR(worst_first(p).ranges[0]->median, std::sqrt(8.0 * 16), 1e-12);
  p.subjects[1].values = {std::nan("")};
  EXPECT_FALSE(worst_first(p).ranges[0]);
}

}  // namespace
}  // namespace vitrine::report
