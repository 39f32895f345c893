// The page of quality control in a browser: nothing scrolls sideways on a phone, every picture is seen, the keys lead from subject to subject,
// and nothing is against the page's own policy. Skipped where there is no Chromium.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/output.h"
#include "report/png.h"
#include "report/qc.h"
#include "tests/chromium.h"

namespace vitrine::report {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string picture(int width, int height) {
  return png_bytes({width, height, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height), 90)});
}

// A cohort of long names, long notes, long paths, many figures and wide pictures.
QcPage page() {
  QcPage p;
  p.title = "Preparation: quality control";
  p.lines = {"5 of 6 subjects"};
  for (int m = 0; m < 12; ++m) {
    p.measures.emplace_back();
    p.measures.back().name = "T1c and FLAIR: a long name of figure " + std::to_string(m) + ", degrees";
    p.measures.back().in_table = m < 8;
    p.measures.back().in_card = m < 10;
  }
  for (int n = 0; n < 7; ++n) {
    QcSubject s;
    s.id = "patient_" + std::string(50, static_cast<char>('a' + n));
    s.label = "a class with a rather long name";
    for (int m = 0; m < 12; ++m) s.values.emplace_back(100.0 + n * m);
    s.values[3] = n == 4 ? 99999.9 : 1.5;
    s.notes = {{n == 2, "the file /a/very/long/path/without/any/space/" + std::string(120, 'x') + ".nii.gz is odd"}};
    s.facts = {{"FLAIR: stored as", std::string(200, 'y')}};
    s.pictures = {{"a checkerboard", "qc/" + s.id + "/one.png", picture(410, 300), 410, 300},
                  {"outlines", "qc/" + s.id + "/two.png", picture(900, 200), 900, 200}};
    s.crops = {{"lesion 1, slice 3",
                {{"T1c", picture(64, 64)}, {"FLAIR", picture(64, 64)}, {"T2", picture(64, 64)}},
                "previews/" + s.id + ".png"}};
    p.subjects.push_back(s);
  }
  p.subjects[5].refused = "/another/long/path/" + std::string(100, 'z') + ": cut short";
  return p;
}

// Put around the page: shows it in a frame of some width, presses keys, and writes down what is seen.
constexpr const char* kProbe = R"(
const frame = document.querySelector('iframe');
const broken = [];
frame.addEventListener('load', () => {
  const view = frame.contentWindow, doc = frame.contentDocument, out = {};
  doc.addEventListener('securitypolicyviolation', e => broken.push(e.violatedDirective));
  const images = [...doc.images];
  out.scrollWidth = doc.documentElement.scrollWidth;
  out.clientWidth = doc.documentElement.clientWidth;
  out.images = images.length;
  out.unseen = images.filter(i => i.naturalWidth === 0).length;
  out.unnamed = images.filter(i => !i.alt).length;
  out.background = view.getComputedStyle(doc.body).backgroundColor;
  const press = key => { (doc.activeElement || doc.body).dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})); return doc.activeElement.id; };
  out.keys = ['j', 'j', 'j', 'k', 'x'].map(press).join(' ');
  const focusable = [...doc.querySelectorAll('a[href], summary, [tabindex="0"]')];
  out.first = focusable[0].textContent;
  focusable[0].focus();
  out.skip = doc.activeElement === focusable[0] && focusable[0].getBoundingClientRect().left >= 0;
  out.targets = [...doc.querySelectorAll('a[href^="#"]')].filter(a => !doc.getElementById(a.getAttribute('href').slice(1))).length;
  doc.querySelectorAll('details').forEach(d => d.open = true);
  out.opened = doc.documentElement.scrollWidth;
  out.broken = broken.join(' ');
  document.querySelector('pre').textContent = Object.entries(out).map(([k, v]) => k + '=' + v).join('\n') + '\nend';
});
)";

class QcBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    chromium = testing::chromium();
    if (chromium.empty())
      GTEST_SKIP() << "no Chromium on this machine: the page was not opened (Debian: apt-get install chromium)";
    folder = fs::temp_directory_path() / ("vitrine-browser-" + std::to_string(::getpid()) + "-" +
                                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override {
    if (!folder.empty()) fs::remove_all(folder);
  }

  // What the probe saw of the page in a frame of `width` pixels, a line for each finding.
  std::string seen(const std::string& html, int width) const {
    const std::string frame = "<!DOCTYPE html><iframe style=\"border:0;height:800px;width:" + std::to_string(width) +
                              "px\" src=\"page.html\"></iframe><pre></pre><script>" + kProbe + "</script>";
    write_file(folder / "page.html", html);
    write_file(folder / "probe.html", frame);
    const std::string root = ::getuid() == 0 ? " --no-sandbox" : "";  // its sandbox does not run as root
    const std::string dom = testing::shell_output(
        "HOME='" + folder.string() + "' timeout 100 " + chromium + root +
        " --headless --disable-gpu --hide-scrollbars --allow-file-access-from-files --no-first-run --user-data-dir='" +
        folder.string() + "/profile' --virtual-time-budget=20000 --dump-dom 'file://" + folder.string() +
        "/probe.html' 2>/dev/null");
    const std::size_t findings = dom.rfind("<pre>");  // above it the page itself
    return findings == dom.npos ? "Chromium wrote: " + dom.substr(0, 300) : dom.substr(findings);
  }

  std::string chromium;
  fs::path folder;
};

TEST_F(QcBrowser, APhoneSeesAllOfItWithoutScrollingSideways) {
  const std::string dom = seen(qc_html(page()), 360);
  ASSERT_THAT(dom, HasSubstr("\nend</pre>"));
  EXPECT_THAT(dom, HasSubstr("scrollWidth=360\nclientWidth=360\n"));
  EXPECT_THAT(dom, HasSubstr("\nopened=360\n"));  // with all tables
  EXPECT_THAT(dom, HasSubstr("\nimages=30\nunseen=0\nunnamed=0\n"));
  EXPECT_THAT(dom, HasSubstr("\ntargets=0\n"));
  EXPECT_THAT(dom, HasSubstr("\nbroken=\n"));
}

TEST_F(QcBrowser, KeysLeadFromSubjectToSubjectTheWorstFirst) {
  const std::string dom = seen(qc_html(page()), 1280);
  ASSERT_THAT(dom, HasSubstr("\nend</pre>"));
  EXPECT_THAT(dom,
              HasSubstr("\nkeys=subject-6 subject-5 subject-3 subject-5 subject-5\n"));  // refused, out of range, a warning
  EXPECT_THAT(dom, HasSubstr("\nfirst=Skip to the pictures\nskip=true\n"));
  EXPECT_THAT(dom, HasSubstr("scrollWidth=1280\n"));
}

TEST_F(QcBrowser, PicturesBesideThePageAreSeenAndAScriptThatIsNotItsOwnIsNotRun) {
  QcPage p = page();
  p.most_embedded = 0;
  fs::create_directories(folder / "previews");
  for (const QcSubject& s : p.subjects) {
    fs::create_directories(folder / "qc" / s.id);
    write_file(folder / "qc" / s.id / "one.png", s.pictures[0].png);
    write_file(folder / "qc" / s.id / "two.png", s.pictures[1].png);
    write_file(folder / "previews" / (s.id + ".png"), picture(588, 192));
  }
  std::string html = qc_html(p);
  const std::string end = "</main>";
  html.insert(html.find(end), "<script>document.body.style.background = 'red'; document.title = 'run'</script>");
  // A picture out of sight would not be loaded when the probe looks.
  for (std::size_t at = html.find("\"lazy\""); at != html.npos; at = html.find("\"lazy\"", at))
    html.replace(at, 6, "\"eager\"");
  const std::string dom = seen(html, 360);
  ASSERT_THAT(dom, HasSubstr("\nend</pre>"));
  EXPECT_THAT(dom, HasSubstr("scrollWidth=360\n"));
  EXPECT_THAT(dom, HasSubstr("\nimages=18\nunseen=0\nunnamed=0\n"));
  EXPECT_THAT(dom, ::testing::Not(HasSubstr("background=rgb(255, 0, 0)")));
}

}  // namespace
}  // namespace vitrine::report
