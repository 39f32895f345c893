// The report in a browser: nothing scrolls sideways on a phone, every picture is seen, the headings and links are whole. Skipped where there is
// no Chromium.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "base/output.h"
#include "report/html.h"
#include "tests/chromium.h"
#include "tests/report/sample_report.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Put around the page: shows it in a frame of some width and writes down what is seen. `wider`: elements that stick out and lie in no box that
// scrolls by itself.
constexpr const char* kProbe = R"(
const frame = document.querySelector('iframe');
frame.addEventListener('load', () => {
  const view = frame.contentWindow, doc = frame.contentDocument, out = {};
  out.scrollWidth = doc.documentElement.scrollWidth;
  out.clientWidth = doc.documentElement.clientWidth;
  const images = [...doc.images];
  out.unseen = images.filter(i => i.naturalWidth === 0).length;
  out.unnamed = images.filter(i => !i.alt).length;
  const box = e => { for (let p = e; p; p = p.parentElement) { const o = view.getComputedStyle(p).overflowX; if (o === 'auto' || o === 'scroll') return p; } return null; };
  out.wider = [...doc.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > doc.documentElement.clientWidth + 0.5 && !box(e)).length;
  out.targets = [...doc.querySelectorAll('a[href^="#"]')].filter(a => !doc.getElementById(a.getAttribute('href').slice(1))).length;
  const skip = doc.querySelector('a.skip');
  skip.focus();
  out.skip = skip.getBoundingClientRect().left >= 0;
  document.querySelector('pre').textContent = Object.entries(out).map(([k, v]) => k + '=' + v).join('\n') + '\nend';
});
)";

class ReportBrowser : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    chromium = testing::chromium();
    if (chromium.empty())
      GTEST_SKIP() << "no Chromium on this machine: the page was not opened (Debian: apt-get install chromium)";
    folder = fs::temp_directory_path() / ("vitrine-report-" + std::to_string(::getpid()) + "-" + std::to_string(GetParam()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override {
    if (!folder.empty()) fs::remove_all(folder);
  }

  std::string chromium;
  fs::path folder;
};

TEST_P(ReportBrowser, NothingScrollsSideways) {
  const std::string width = std::to_string(GetParam());
  write_file(folder / "page.html", report::html_report(sample_study()));
  write_file(folder / "probe.html", "<!DOCTYPE html><iframe style=\"border:0;height:800px;width:" + width +
                                        "px\" src=\"page.html\"></iframe><pre></pre><script>" + kProbe + "</script>");
  const std::string root = ::getuid() == 0 ? " --no-sandbox" : "";  // its sandbox does not run as root
  const std::string dom = testing::shell_output(
      "HOME='" + folder.string() + "' timeout 100 " + chromium + root +
      " --headless --disable-gpu --hide-scrollbars --allow-file-access-from-files --no-first-run --user-data-dir='" +
      folder.string() + "/profile' --virtual-time-budget=20000 --dump-dom 'file://" + folder.string() +
      "/probe.html' 2>/dev/null");
  ASSERT_THAT(dom, HasSubstr("\nend</pre>"));
  EXPECT_THAT(dom, HasSubstr("scrollWidth=" + width + "\nclientWidth=" + width + "\n"));
  EXPECT_THAT(dom, HasSubstr("\nunseen=0\nunnamed=0\nwider=0\ntargets=0\nskip=true\n"));
}

INSTANTIATE_TEST_SUITE_P(Widths, ReportBrowser, ::testing::Values(360, 800, 1280));

}  // namespace
}  // namespace vitrine::testing
