// The figures of the pages of an audit against records counted by hand; broken folders; the pages themselves.
#include "audit/report_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "audit/page/chart.h"
#include "audit/page/page.h"
#include "tests/audit/temporary_folder.h"
#include "tests/audit/written_audit.h"
#include "tests/chromium.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using vitrine::testing::TemporaryFolder;
using vitrine::testing::write_audit;
using vitrine::testing::Written;

std::string no_lineage(std::uint64_t) { return {}; }

// Eight steps of a network of two ops and one parameter; step 5 has a NaN, and a rho of 1.5 where `violated`.
std::vector<Written> small_step(std::uint64_t step, bool violated) {
  const double s = static_cast<double>(step);
  return {{.node = "stem/conv2d", .rho = 0.01 * (s + 1), .low = -2.0F - static_cast<float>(step), .op = 4},
          {.node = "stem/conv2d", .tensor = "inner", .op = 4},
          {.node = "head/relu",
           .rho = violated && step == 5 ? 1.5 : 0.3,
           .low = 0,
           .zeros = 25,
           .nans = step == 5 ? 3 : 0,
           .op = 9},
          {.phase = Phase::backward, .node = "head/relu", .tensor = "dx", .rho = 0.02, .op = 9},
          {.phase = Phase::gradient, .node = "blocks.3.0.conv.weight", .tensor = "dw", .norm = s + 1}};
}

std::string small_lineage(std::uint64_t step) {
  return text("{\"step\":", step,
              ",\"slot\":0,\"sample\":\"a\",\"sha256\":\"1\",\"partner\":\"b\",\"lambda\":0.97,\"input\":\"x\"}\n{\"step\":",
              step, ",\"slot\":1,\"sample\":\"", step % 2 == 0 ? "b" : "c",
              "\",\"sha256\":\"2\",\"partner\":\"a\",\"lambda\":1,\"input\":\"x\"}\n");
}

struct SmallAudit : ::testing::Test {
  TemporaryFolder folder;
  fs::path audit;
  FoldReport report_of(bool violated = false, bool finished = true) {
    audit = write_audit(
        folder.path() / "run", 8, [&](std::uint64_t step) { return small_step(step, violated); }, small_lineage, finished);
    return fold_report(audit);
  }
  AuditPage page_of(FoldReport report) { return {"run <1>", {std::move(report)}}; }
  void change(const std::string& name, std::size_t at) const {
    std::string bytes = read_file(audit / name, 1u << 30);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
    write_file(audit / name, bytes);
  }
};

TEST_F(SmallAudit, RhoIsCountedByOpKindAndStep) {
  const FoldReport r = report_of();
  ASSERT_TRUE(r.holds()) << r.broken.front();
  EXPECT_EQ(r.verified.steps, 8u);
  ASSERT_EQ(r.ops.size(), 2u);
  EXPECT_EQ(r.ops[0].node, "stem/conv2d");
  const RhoFigures& conv = r.ops[0].of[0];
  EXPECT_EQ(conv.tensors, 2u);
  EXPECT_EQ(conv.records, 16u);
  EXPECT_EQ(conv.compared, 8u);
  EXPECT_EQ(conv.elements, 80u);
  EXPECT_EQ(conv.worst, 0.08);
  EXPECT_EQ(conv.worst_step, 7u);
  EXPECT_NEAR(conv.medians.median(), 0.025, 0.025 * 0.01);  // number 4 of 0.005 .. 0.04
  EXPECT_EQ(r.ops[0].of[1].records, 0u);
  ASSERT_EQ(r.ops[0].cells[0].size(), 8u);
  EXPECT_EQ(r.ops[0].cells[0][2].worst, 0.03);
  EXPECT_EQ(r.ops[0].cells[0][2].records, 2u);
  ASSERT_EQ(r.kinds.size(), 3u);
  EXPECT_EQ(r.kinds[0].kind, "conv2d");
  EXPECT_EQ(r.kinds[2].phase, Phase::backward);
  ASSERT_EQ(r.worst.size(), kWorst);
  EXPECT_EQ(r.worst[0].node, "head/relu");
  EXPECT_EQ(r.worst[0].record.step, 0u);  // of equals the first
  EXPECT_EQ(r.worst[8].record.worst_rho, 0.08);
}

TEST_F(SmallAudit, ValuesGradientsLossAndSamplesAreCounted) {
  const FoldReport r = report_of();
  EXPECT_EQ(r.ranges[0][7].low, -9.0F);
  EXPECT_EQ(r.ranges[0][7].records, 3u);
  EXPECT_EQ(r.ranges[0][5].nans, 3u);
  ASSERT_TRUE(r.first_not_finite.has_value());
  EXPECT_EQ(r.first_not_finite->record.step, 5u);
  ASSERT_EQ(r.zeros.size(), 1u);
  EXPECT_EQ(r.zeros[0].node, "head/relu");
  EXPECT_EQ(r.zeros[0].share[3], 0.25F);
  ASSERT_EQ(r.gradients.size(), 1u);
  EXPECT_EQ(r.gradients[0].place, "blocks.3");
  EXPECT_EQ(r.gradients[0].norm[4], 5.0);
  EXPECT_EQ(r.steps[1].mean_loss(), 0.5);
  EXPECT_EQ(r.steps[4].epoch, 2u);
  EXPECT_EQ(r.lineage.lines, 16u);
  EXPECT_EQ(r.lineage.samples.at("a").uses, 8u);
  EXPECT_EQ(r.lineage.samples.at("b").uses, 4u);
  EXPECT_EQ(r.lineage.samples.at("b").as_partner, 8u);
  EXPECT_EQ(r.lineage.samples.at("a").as_partner, 0u);  // a share of 1 mixes nothing
  EXPECT_EQ(r.lineage.lambda[19], 16u);
  EXPECT_EQ(r.lineage.unread, 0u);
}

TEST_F(SmallAudit, ThePageSaysTheVerdictFirstAndTheSameBytes) {
  const AuditPage page = page_of(report_of());
  const std::string html = audit_html(page);
  EXPECT_EQ(html, audit_html(page_of(fold_report(audit))));
  EXPECT_THAT(html, HasSubstr("Holds, and no value that was compared lies above its bound"));
  EXPECT_LT(html.find("class=\"verdict\""), html.find("<nav"));
  EXPECT_THAT(html, HasSubstr("vitrine audit replay RUN --step 7 --op stem/conv2d"));
  EXPECT_THAT(html, HasSubstr("run &lt;1&gt;"));
  EXPECT_THAT(html, HasSubstr("c&lt;c&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("complies")));
  std::set<std::string> ids;
  for (std::size_t at = html.find(" id=\""); at != html.npos; at = html.find(" id=\"", at + 1)) {
    const std::string id = html.substr(at + 5, html.find('"', at + 5) - at - 5);
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
  for (std::size_t at = html.find("href=\"#"); at != html.npos; at = html.find("href=\"#", at + 1))
    EXPECT_TRUE(ids.contains(html.substr(at + 7, html.find('"', at + 7) - at - 7))) << html.substr(at, 60);
}

TEST_F(SmallAudit, AValueAboveItsBoundIsMarkedByShape) {
  const FoldReport r = report_of(true);
  EXPECT_TRUE(r.holds());
  EXPECT_FALSE(r.within());
  const std::string html = audit_html(page_of(r));
  EXPECT_THAT(html, HasSubstr("values above their bound"));
  EXPECT_THAT(html, HasSubstr("class=\"worst bad\">▲"));
  EXPECT_THAT(rho_strip(r.ops[1].cells[0], ""), HasSubstr("class=\"cross\" d=\"M5 0l1 10M6 0l-1 10\""));
  EXPECT_EQ(r.worst[0].record.worst_rho, 1.5);
}

TEST_F(SmallAudit, ABrokenFolderShowsWhatHeldUntilThere) {
  report_of();
  const std::string chain = read_file(audit / "steps.jsonl", 1u << 20);
  std::size_t at = 0;
  for (int line = 0; line < 3; ++line) at = chain.find('\n', at) + 1;
  change("steps.jsonl", at + 60);
  const FoldReport r = fold_report(audit);
  EXPECT_FALSE(r.holds());
  EXPECT_EQ(r.broken_at, 3u);
  EXPECT_EQ(r.verified.steps, 3u);
  EXPECT_EQ(r.lineage.lines, 6u);
  EXPECT_EQ(r.broken.size(), 2u);  // the manifest, the chain
  const std::string html = audit_html(page_of(r));
  EXPECT_THAT(html, HasSubstr("class=\"verdict bad\""));
  EXPECT_THAT(html, HasSubstr("BROKEN at step 3; 3 steps before it held"));
  EXPECT_THAT(certificate_html(page_of(r)), HasSubstr("BROKEN at step 3"));
}

TEST_F(SmallAudit, AnUnfinishedAndAnUnreadableFolderAreSaid) {
  const FoldReport open = report_of(false, false);
  EXPECT_TRUE(open.holds());
  EXPECT_THAT(audit_html(page_of(open)), HasSubstr("1 of 1 fold is not finished"));
  write_file(audit / "run.json", "{");
  const FoldReport none = fold_report(audit);
  EXPECT_FALSE(none.holds());
  EXPECT_THAT(audit_html(page_of(none)), HasSubstr("no run.json that can be read"));
}

TEST_F(SmallAudit, TablesHaveARowForEachFigure) {
  const auto tables = audit_tables(page_of(report_of()));
  ASSERT_EQ(tables.size(), audit_table_names().size());
  for (const auto& [name, bytes] : tables) {
    if (name == "rho_map.csv") {
      EXPECT_THAT(bytes, HasSubstr("fold_0,stem/conv2d,forward,2,2,2,1,0,0.03\n"));
    }
    if (name == "steps.csv") {
      EXPECT_THAT(bytes, HasSubstr("fold_0,1,1,1,0.5,0.5,0.5,0.1,5,3,0,0.3\n"));
    }
    if (name == "samples.csv") {
      EXPECT_THAT(bytes, HasSubstr("fold_0,a,,1,8,0\n"));
    }
  }
}

TEST_F(SmallAudit, NothingScrollsSidewaysOnAPhoneAndTheCertificateIsOnePage) {
  const std::string browser = vitrine::testing::chromium();
  if (browser.empty())
    GTEST_SKIP() << "no Chromium on this machine: the pages were not opened (Debian: apt-get install chromium)";
  const AuditPage page = page_of(report_of(true));
  write_file(folder.path() / "audit.html", audit_html(page));
  write_file(folder.path() / "certificate.html", certificate_html(page));
  const std::string common = browser + " --headless --no-sandbox --disable-gpu --allow-file-access-from-files ";
  write_file(folder.path() / "probe.html",
             "<iframe src=\"audit.html\" width=360 height=800></iframe><pre></pre><script>const "
             "f=document.querySelector('iframe');f.onload=()=>{const d=f.contentDocument.documentElement;"
             "document.querySelector('pre').textContent='wide='+(d.scrollWidth-d.clientWidth)+' end'}</script>");
  EXPECT_THAT(vitrine::testing::shell_output(common + "--virtual-time-budget=5000 --dump-dom 'file://" +
                                             (folder.path() / "probe.html").string() + "' 2>/dev/null"),
              HasSubstr("wide=0 end"));
  const fs::path pdf = folder.path() / "c.pdf";
  vitrine::testing::shell_output(common + "--print-to-pdf=" + pdf.string() + " 'file://" +
                                 (folder.path() / "certificate.html").string() + "' 2>/dev/null");
  EXPECT_THAT(read_file(pdf, 1u << 24), HasSubstr("/Count 1"));
}

TEST(StepColumns, CoverEveryStepOnce) {
  for (const std::uint64_t steps : {0u, 1u, 96u, 97u, 1000u, 12345u}) {
    const StepColumns columns(steps);
    EXPECT_LE(columns.count, StepColumns::kMostColumns);
    std::uint64_t next = 0;
    for (std::size_t c = 0; c < columns.count; ++c) {
      EXPECT_EQ(columns.first(c), next);
      EXPECT_EQ(columns.of(columns.last(c)), c);
      next = columns.last(c) + 1;
    }
    EXPECT_EQ(next, steps);
  }
}

TEST(SpreadSteps, HaveTheFirstAndTheLast) {
  EXPECT_EQ(spread_steps(11, 3), (std::vector<std::int64_t>{0, 5, 10}));
  EXPECT_EQ(spread_steps(2, 5), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(spread_steps(7, 1), (std::vector<std::int64_t>{6}));
  EXPECT_TRUE(spread_steps(0, 3).empty());
}

// A million records: the time is printed; memory is that of 96 columns.
TEST(LongAudit, AMillionRecordsAreGathered) {
  TemporaryFolder folder;
  std::vector<Written> step;
  for (int op = 0; op < 100; ++op) {
    for (int tensor = 0; tensor < 10; ++tensor)
      step.push_back({.node = text("blocks.", op, "/conv2d"),
                      .tensor = text("t", tensor),
                      .rho = 0.001 * (op + tensor),
                      .op = static_cast<std::uint32_t>(op)});
  }
  const fs::path audit = write_audit(
      folder.path() / "run", 1000, [&](std::uint64_t) { return step; }, no_lineage);
  const auto begin = std::chrono::steady_clock::now();
  const FoldReport r = fold_report(audit);
  const std::string html = audit_html({"run", {r}});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("a million records: %.2f s, a page of %zu bytes\n", seconds, html.size());
  ASSERT_TRUE(r.holds()) << r.broken.front();
  EXPECT_EQ(r.verified.records, 1'000'000u);
  EXPECT_EQ(r.ops.size(), 100u);
  EXPECT_EQ(r.ops[3].of[0].records, 10'000u);
  EXPECT_LT(html.size(), std::size_t{2} << 20);
}

}  // namespace
}  // namespace vitrine::audit
