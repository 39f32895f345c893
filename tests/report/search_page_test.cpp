// The page of a search: what stands on it, that it is one file without scripts, and the same bytes for the same numbers. In a browser, where there
// is Chromium, nothing scrolls sideways on a phone.
#include "report/search_page.h"
#include "tests/chromium.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "base/output.h"
#include "report/search_figures.h"

namespace vitrine::report {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count_of(const std::string& html, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = html.find(what); at != html.npos; at = html.find(what, at + what.size())) ++count;
  return count;
}

SearchRun run_of(int trial, int rung, std::vector<std::string> values, double score, std::string failure = {}) {
  SearchRun run;
  run.trial = trial;
  run.rung = rung;
  run.epochs = rung == 1 ? 10 : 30;
  run.values = std::move(values);
  if (failure.empty()) run.score = {score, 0.02, 5};
  run.visits = 4800 * rung;
  run.failure = std::move(failure);
  return run;
}

// Two rungs, long names, a failed trial.
SearchPage page() {
  SearchPage p;
  p.title = "Search over options";
  p.metric = "auc";
  p.folds = 5;
  p.axes = {{"lr", true, true, 1e-5, 1e-2, {}},
            {"inputs", false, false, 0, 0, {"t1c", "flair", "t2", "t1c+flair+t2"}},
            {"lr-scale", false, false, 0, 0, {"", "stem=0.1,stage0=0.1,stage1=0.2,stage2=0.3,stage3=0.4,head=0.5"}},
            {"batch-size", true, false, 8, 32, {"8", "16", "32"}}};
  p.runs = {run_of(1, 1, {"0.0003127", "t1c", "", "8"}, 0.7),
            run_of(2, 1, {"1e-05", "t1c+flair+t2", p.axes[2].values[1], "16"}, 0.8),
            run_of(3, 1, {"0.01", "t2", "", "32"}, 0,
                   "the loss is not finite <in> step 3 of a_very_long_name_of_a_layer_" + std::string(80, 'x')),
            run_of(4, 1, {"0.002", "flair", "", "16"}, 0.75),
            run_of(2, 2, {"1e-05", "t1c+flair+t2", p.axes[2].values[1], "16"}, 0.78)};
  p.best = 4;
  p.planned = 4;
  p.finished = true;
  p.rungs = {{10, 4, 3, 1, {0.8, 0.02, 5}, 2}, {30, 1, 1, 0, {0.78, 0.02, 5}, 2}};
  p.facts = {{"search method", "random"}, {"manifest_sha256", std::string(64, 'a')}};
  return p;
}

TEST(SearchPage, HasEachSectionOnceAndNoScript) {
  SearchPage p = page();
  p.final = SearchFinal{{0.8, 0.03, 5}, {0.82, 0.02, 5}, {0.7, 0.05, 5}, {0.71, 0.04, 5}, true};
  const std::string html = search_html(p);
  for (const char* id : {"best", "final", "parallel", "so-far", "by-option", "rungs", "trials", "failed", "how"}) {
    EXPECT_EQ(count_of(html, std::string("<h2 id=\"") + id + "\">"), 1u) << id;
    EXPECT_EQ(count_of(html, std::string("<section aria-labelledby=\"") + id + "\">"), 1u) << id;
  }
  EXPECT_EQ(count_of(html, "<section"), count_of(html, "</section>"));
  for (const char* tag : {"table", "tr", "td", "th", "svg", "figure", "div", "dl", "polyline"}) {
    const std::string open = std::string("<") + tag;
    EXPECT_EQ(count_of(html, open + ">") + count_of(html, open + " "), count_of(html, std::string("</") + tag + ">")) << tag;
  }
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_EQ(count_of(html, "http"), count_of(html, "http://www.w3.org/2000/svg")) << "nothing is fetched";
  EXPECT_EQ(count_of(html, "<svg "), 6u);
  EXPECT_EQ(count_of(html, "role=\"img\" aria-label="), 6u);
  EXPECT_EQ(count_of(html, "<th scope="), count_of(html, "<th "));
  EXPECT_EQ(search_html(p), html);
}

TEST(SearchPage, SaysOverHowManyTrialsTheWinnerWasChosenAndWhatFailed) {
  const std::string html = search_html(page());
  EXPECT_THAT(html, HasSubstr("Of 4 trials, trial <b>2</b> has the best validation auc: <b>0.780 ± 0.020</b>"));
  EXPECT_THAT(html, HasSubstr("The choice was made over 4 trials (4 scores)"));
  EXPECT_THAT(html, HasSubstr("optimistic"));
  EXPECT_THAT(html, HasSubstr("not finite &lt;in&gt; step 3"));
  EXPECT_THAT(html, Not(HasSubstr("id=\"final\"")));
  EXPECT_THAT(html, Not(HasSubstr("under way")));
  EXPECT_EQ(count_of(html, "<tr role=\"row\" class=\"best\">"), 1u);
}

TEST(SearchPage, ASearchThatIsUnderWaySaysSo) {
  SearchPage p = page();
  p.finished = false;
  p.planned = 30;
  EXPECT_THAT(search_html(p), HasSubstr("4 of 30 trials have run so far"));
  p.runs.clear();
  p.best.reset();
  p.rungs.clear();
  const std::string html = search_html(p);
  EXPECT_THAT(html, HasSubstr("No trial has a result yet"));
  EXPECT_EQ(count_of(html, "<svg "), 0u);
}

TEST(SearchPage, ATrialIsRankedByItsLastRung) {
  EXPECT_THAT(ranked_runs(page()), ElementsAre(4, 3, 0));
  SearchPage p = page();
  p.lower_is_better = true;
  EXPECT_THAT(ranked_runs(p), ElementsAre(4, 0, 3));
}

TEST(SearchPage, AxesHaveTheirScale) {
  const std::string svg = parallel_figure(page());
  EXPECT_THAT(svg, HasSubstr("lr (log)"));
  for (const char* tick : {">1e-05<", ">0.0001<", ">0.001<", ">0.01<"}) EXPECT_THAT(svg, HasSubstr(tick));
  // 0.0003127 lies at (log 0.0003127 - log 1e-5) / log 1000 = 0.4984 of 328 units from 16.
  EXPECT_THAT(svg, HasSubstr("points=\"179.5,26.0 57.0,88.0"));
  EXPECT_EQ(count_of(svg, "class=\"line\""), 2u);
  EXPECT_EQ(count_of(svg, "class=\"bestline\""), 1u);
  EXPECT_LT(svg.find("class=\"line\""), svg.find("class=\"bestline\"")) << "the best lies on top";
}

TEST(SearchPage, AScoreThatIsFarAstrayDoesNotPressTheOthersTogether) {
  SearchPage p = page();
  EXPECT_EQ(scores_beyond(p), 0u);
  EXPECT_THAT(search_html(p), Not(HasSubstr("end of the scale")));
  p.lower_is_better = true;  // 0.7, 0.75, 0.78, 0.8, and 276
  p.runs.push_back(run_of(5, 1, {"0.01", "t2", "", "8"}, 276));
  EXPECT_EQ(scores_beyond(p), 1u);
  const std::string html = search_html(p);
  EXPECT_THAT(html, HasSubstr("1 score lies far beyond the others"));
  EXPECT_THAT(html, HasSubstr("276.000 ± 0.020"));
  EXPECT_THAT(parallel_figure(p), HasSubstr(">0.9<")) << "0.7 to 0.7 + 4 * 0.1, the scale of those that are near";
}

TEST(SearchPage, ManyTrialsStayOnePage) {
  SearchPage p = page();
  p.runs.clear();
  for (int i = 1; i <= 3000; ++i) p.runs.push_back(run_of(i, 1, {"0.001", "t1c", "", "8"}, 0.5 + i * 1e-4));
  p.best = 2999;
  const std::string html = search_html(p);
  EXPECT_THAT(html, HasSubstr("The best 500 of 3000 are drawn."));
  EXPECT_THAT(html, HasSubstr("The best 500 of 3000 are shown; trials.csv has all."));
  EXPECT_LT(html.size(), 5u << 20);
}

TEST(SearchPage, CountsAreShort) {
  EXPECT_EQ(count_text(950), "950");
  EXPECT_EQ(count_text(4800), "4.80 k");
  EXPECT_EQ(count_text(12345), "12.3 k");
  EXPECT_EQ(count_text(4.56e6), "4.56 M");
}

TEST(SearchPageBrowser, APhoneSeesAllOfItWithoutScrollingSideways) {
  const std::string chromium = testing::chromium();
  if (chromium.empty())
    GTEST_SKIP() << "no Chromium on this machine: the page was not opened (Debian: apt-get install chromium)";
  const fs::path folder = fs::temp_directory_path() / ("vitrine-search-page-" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  SearchPage p = page();
  p.final = SearchFinal{{0.8, 0.03, 5}, {0.82, 0.02, 5}, {0.7, 0.05, 5}, {0.71, 0.04, 5}, true};
  write_file(folder / "page.html", search_html(p));
  write_file(folder / "probe.html",
             "<!DOCTYPE html><iframe style=\"border:0;height:800px;width:360px\" src=\"page.html\"></iframe><pre></pre><script>"
             "document.querySelector('iframe').addEventListener('load', e => { const d = e.target.contentDocument; "
             "const out = [d.documentElement.scrollWidth, d.documentElement.clientWidth, "
             "[...d.querySelectorAll('.wide')].filter(w => w.scrollWidth > w.clientWidth).length, "
             "[...d.querySelectorAll('main *')].filter(n => n.getBoundingClientRect().right > 360.5).length]; "
             "document.querySelector('pre').textContent = out.join(' ') + ' end'; });</script>");
  const std::string root = ::getuid() == 0 ? " --no-sandbox" : "";  // its sandbox does not run as root
  const std::string dom = testing::shell_output(
      "HOME='" + folder.string() + "' timeout 100 " + chromium + root +
      " --headless --disable-gpu --hide-scrollbars --allow-file-access-from-files --no-first-run --user-data-dir='" +
      folder.string() + "/profile' --virtual-time-budget=20000 --dump-dom 'file://" + folder.string() +
      "/probe.html' 2>/dev/null");
  EXPECT_THAT(dom, HasSubstr("<pre>360 360 0 0 end</pre>"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::report
