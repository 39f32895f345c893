// The page of quality control.
#include "report/qc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vitrine::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

QcPage page() {
  QcPage p;
  p.title = "Preparation";
  p.lines = {"2 of 3"};
  p.measures = {"crops"};
  QcSubject fine, noted, warned, refused;
  fine.id = "fine";
  fine.measures = {"3"};
  noted.id = "noted";
  noted.notes = {{false, "a <decision>"}, {false, "another"}};
  warned.id = "warned";
  warned.label = "A & B";
  warned.notes = {{false, "a decision"}, {true, "a doubt"}};
  warned.crops = {{"lesion 1", {{"T1c", "not really a PNG"}, {"T2", "x"}}}};
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
  EXPECT_THAT(bad, Not(HasSubstr("<script")));
  EXPECT_THAT(bad, Not(HasSubstr("\" onmouseover")));
}

TEST(QcPage, FetchesNothingAndRepeats) {
  const std::string html = qc_html(page());
  EXPECT_EQ(html, qc_html(page()));
  for (const char* word : {"http:", "https:", "<script", "<link", "url("}) EXPECT_THAT(html, Not(HasSubstr(word)));
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
    s.crops = {{"lesion 1", {{"T1c", std::string(400'000, 'x')}}}};
    many.subjects.push_back(s);
  }
  const std::string html = qc_html(many);
  EXPECT_LT(html.size(), std::size_t{60} << 20);
  EXPECT_THAT(html, HasSubstr("Its crops are in the folder previews."));
}

}  // namespace
}  // namespace vitrine::report
