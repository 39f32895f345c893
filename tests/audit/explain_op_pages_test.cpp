// The pages of ops: the list is whole, every number on them is that of the kernel and of the definition, lines and links hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "audit/op_pages/contract.h"
#include "audit/op_pages/example.h"
#include "audit/op_pages/machines.h"
#include "audit/op_pages/op_page.h"
#include "audit/op_pages/order.h"
#include "audit/op_pages/shadows.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/terminal.h"
#include "layers/shadow.h"
#include "tensor/isa.h"
#include "tests/chromium.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;
using namespace op_pages;  // NOLINT: the room under test
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path kSource = VITRINE_SOURCE_DIR;

std::vector<std::string> lines_of_file(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Names that nodes in the sources have, and functions of one value, whose node has many names.
std::set<std::string> names_in_sources() {
  std::set<std::string> names;
  for (const char* folder : {"layers", "layers/blocks", "autograd"}) {
    for (const auto& entry : fs::directory_iterator(kSource / folder)) {
      if (entry.path().extension() != ".cpp") continue;
      bool node = false;
      for (const std::string& line : lines_of_file(entry.path())) {
        node = node || line.find("final : Node {") != std::string::npos;
        const std::size_t at = line.find("name() const override { return \"");
        if (!node || at == std::string::npos) continue;
        const std::size_t from = line.find('"', at) + 1;
        names.insert(line.substr(from, line.find('"', from) - from));
      }
    }
  }
  for (const std::string& line : lines_of_file(kSource / "layers/unary_list.h")) {
    const std::size_t at = line.find("case Unary::");
    if (at != std::string::npos) names.insert(line.substr(at + 12, line.find(':', at + 12) - at - 12));
  }
  return names;
}

TEST(ExplainOp, EveryOpThatCanStandOnATapeHasAPageAndAnExample) {
  const std::set<std::string> expected = names_in_sources();
  EXPECT_GE(expected.size(), 30u) << "the sources were not understood";
  const std::vector<std::string> pages = op_names(), worked = examples();
  EXPECT_EQ(std::set<std::string>(pages.begin(), pages.end()), expected);
  EXPECT_EQ(std::set<std::string>(worked.begin(), worked.end()), expected);
  EXPECT_EQ(pages.size(), expected.size());
  const auto shadowed = shadowed_ops();
  EXPECT_EQ(std::set<std::string>(shadowed.begin(), shadowed.end()), expected)
      << "ops without a bound, or bounds without an op";
}

TEST(ExplainOp, ANearMissNamesTheNearest) {
  try {
    contract_of("swich");
    FAIL() << "swich is an op";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("swish"));
  }
}

TEST(ExplainOp, ContractsAreTheHeadersAndSourcesPointAtWhatTheyName) {
  for (const OpSource& source : embedded_sources()) {
    const std::vector<std::string> lines = lines_of_file(kSource / source.file);
    ASSERT_LE(source.line, static_cast<int>(lines.size())) << source.file;
    EXPECT_THAT(lines[static_cast<std::size_t>(source.line) - 1], HasSubstr(std::string(source.holds)))
        << source.file << ":" << source.line;
  }
  for (const EmbeddedContract& contract : embedded_contracts()) {
    std::set<std::string_view> roles;
    for (const OpSource& source : sources_of(contract.op)) {
      roles.insert(source.role);
      if (source.role != "contract") continue;
      EXPECT_TRUE(read_file(kSource / source.file, 1u << 20).starts_with(contract.text))
          << source.file << " has another contract than the program";
    }
    EXPECT_TRUE(roles.contains("contract") && roles.contains("node") && roles.contains("bound")) << contract.op;
    const Contract parsed = contract_of(contract.op);
    EXPECT_FALSE(parsed.purpose.empty()) << contract.op;
    for (const char* section : {"Forward", "Backward", "Shapes", "Saved"})
      EXPECT_FALSE(parsed.lines_of(section).empty()) << contract.op << " " << section;
  }
}

double largest(const Doubles& values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

TEST(ExplainOp, KernelDefinitionAndDifferenceQuotientAgree) {
  for (const std::string& op : op_names()) {
    const Example example = example_of(op);
    const Computed got = computed(example);
    EXPECT_EQ(got.seen.name, op);
    const std::vector<Doubles> values = values_of(example);
    const Doubles y = example.forward(values);
    ASSERT_EQ(y.size(), static_cast<std::size_t>(got.y.size())) << op;
    for (std::size_t i = 0; i < y.size(); ++i)
      EXPECT_NEAR(static_cast<double>(got.y.host()[i]), y[i], 4e-7 * std::max(1.0, largest(y))) << op << " " << i;
    const std::vector<Doubles> gradients = example.backward(values, doubles_of(example.dy)),
                               quotients = difference_quotients(example);
    for (std::size_t input = 0; input < values.size(); ++input) {
      EXPECT_EQ(got.gradients[input].defined(), example.inputs[input].wanted && example.inputs[input].value.defined())
          << op << " " << input;
      if (!got.gradients[input].defined()) continue;
      const double scale = std::max(1.0, largest(gradients[input]));
      for (std::size_t i = 0; i < values[input].size(); ++i) {
        EXPECT_NEAR(quotients[input][i], gradients[input][i], 3e-8 * scale)
            << op << " by " << example.inputs[input].name << " " << i;
        EXPECT_NEAR(static_cast<double>(got.gradients[input].host()[i]), gradients[input][i], 1e-6 * scale)
            << op << " by " << example.inputs[input].name;
      }
    }
  }
}

bool holds(const std::vector<NumberTable>& tables, const std::set<std::string>& words) {
  for (const NumberTable& table : tables) {
    for (const auto& row : table.rows) {
      for (const std::string& cell : row) {
        if (words.contains(cell)) return true;
      }
    }
  }
  return false;
}

TEST(ExplainOp, WhatIsWorkedOutEndsInTheOutputAndInGradients) {
  for (const std::string& op : op_names()) {
    const Example example = example_of(op);
    const Computed got = computed(example);
    const std::vector<Doubles> values = values_of(example);
    const Doubles dy = doubles_of(example.dy), y = example.forward(values);
    const Working working = example.working(values, dy);
    EXPECT_TRUE(holds(working.forward, {number(y[0]), number9(y[0]), number9(static_cast<double>(got.y.host()[0]))}))
        << op << " " << y[0];
    std::set<std::string> gradients;
    for (const Doubles& of_input : example.backward(values, dy)) {
      for (const double g : of_input) gradients.insert({number(g), number9(g)});
    }
    EXPECT_TRUE(holds(working.backward, gradients)) << op;
    for (const auto& tables : {working.forward, working.backward}) {
      for (const NumberTable& table : tables) {
        for (const auto& row : table.rows) EXPECT_EQ(row.size(), table.columns.size()) << op << ": " << table.caption;
      }
    }
  }
}

// The running sums of the product tables are the kernel's accumulators: bit for bit.
TEST(ExplainOp, RunningSumsOfProductsEndInTheKernelsBits) {
  const auto last = [](const NumberTable& table) { return table.rows.back().back(); };
  const auto bits = [](const Tensor& t, std::size_t i) { return number9(static_cast<double>(t.host()[i])); };
  Example e = example_of("conv2d");
  Computed got = computed(e);
  Working w = e.working(values_of(e), doubles_of(e.dy));
  EXPECT_EQ(last(w.forward[0]), bits(got.y, 0));
  EXPECT_EQ(last(w.forward[1]), bits(got.y, 2));
  EXPECT_EQ(last(w.backward[0]), bits(got.gradients[0], 13));
  EXPECT_EQ(last(w.backward[1]), bits(got.gradients[1], 5));
  EXPECT_EQ(last(w.backward[2]), bits(got.gradients[2], 0));
  e = example_of("depthwise_conv2d"), got = computed(e), w = e.working(values_of(e), doubles_of(e.dy));
  EXPECT_EQ(last(w.forward[0]), bits(got.y, 0));
  EXPECT_EQ(last(w.forward[1]), bits(got.y, 9));
  EXPECT_EQ(last(w.backward[0]), bits(got.gradients[0], 14));
  EXPECT_EQ(last(w.backward[1]), bits(got.gradients[1], 3));
  e = example_of("linear"), got = computed(e), w = e.working(values_of(e), doubles_of(e.dy));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(last(w.forward[i]), bits(got.y, i));
}

int leaves(const SumTree& tree) {
  int count = tree.terms.empty() ? 1 : 0;
  for (const SumTree& term : tree.terms) count += leaves(term);
  return count;
}

TEST(ExplainOp, OrdersOfSumsAreThoseOfTheReference) {
  EXPECT_EQ(leaves(order_of_dot_product(128)), 1);
  EXPECT_EQ(leaves(order_of_dot_product(129)), 2);
  const SumTree dot = order_of_dot_product(400);  // ((c0 + c1) + c2) + c3
  EXPECT_EQ(dot.terms[1].label, "terms 384 to 399, fma");
  EXPECT_EQ(dot.terms[0].terms[0].terms[0].label, "terms 0 to 127, fma");
  const SumTree tree = order_of_long_sum(5000);  // ((c0 + c1) + (c2 + c3)) + c4
  EXPECT_EQ(leaves(tree), 5);
  EXPECT_EQ(tree.terms[1].label, "terms 4,096 to 4,999, fma");
  EXPECT_EQ(tree.terms[0].terms[1].terms[0].label, "terms 2,048 to 3,071, fma");
}

TEST(ExplainOp, EverySetOfKernelsHasTheSameBitsAndLeavesTheSettingsAlone) {
  const Isa before = active_isa();
  for (const std::string& op : op_names()) {
    const std::vector<KernelSet> sets = kernel_sets(op, false);
    ASSERT_EQ(sets.size(), 4u);
    for (const KernelSet& set : sets) EXPECT_TRUE(set.same_bits || !set.available) << op << " on " << set.name;
    EXPECT_EQ(active_isa(), before);
  }
}

TEST(ExplainOp, WhatIsComputedStaysWithinItsBound) {
  for (const std::string& op : op_names()) {
    for (const Scale scale : {Scale::worked, Scale::b0}) {
      const Example example = example_of(op, scale);
      const std::vector<ShadowLine> lines = shadow_lines(computed(example), example.dy);
      EXPECT_EQ(lines.empty(), op == "reshape") << op;
      for (const ShadowLine& line : lines) EXPECT_LE(line.worst, 1) << op << " " << line.of;
    }
  }
}

TEST(ExplainOp, PagesFit80ColumnsAndAreTheSameBytesEachTime) {
  for (const std::string& op : op_names()) {
    const Page once = op_page(op), again = op_page(op);
    const std::string page = terminal_text(once);
    for (std::size_t at = 0; at < page.size();) {
      const std::size_t end = page.find('\n', at);
      EXPECT_LE(columns_of(page.substr(at, end - at)), 80u) << op << ": " << page.substr(at, end - at);
      at = end + 1;
    }
    EXPECT_EQ(page, terminal_text(again)) << op;
    const std::string html = html_text(once);
    EXPECT_EQ(html, html_text(again)) << op;
    for (const char* never : {"<script", "http://", "https://", "DIFFERENT", "nan"})
      EXPECT_THAT(html, Not(HasSubstr(never))) << op;
  }
}

TEST(ExplainOp, TimesAreShownWhereTheyAreAskedFor) {
  EXPECT_THAT(terminal_text(op_page("swish")), Not(HasSubstr("forward, ms")));
  EXPECT_THAT(terminal_text(op_page("swish", true)), HasSubstr("forward, ms"));
}

TEST(ExplainOpBrowser, NothingScrollsSidewaysOnAPhone) {
  const std::string chromium = testing::chromium();
  if (chromium.empty()) GTEST_SKIP() << "no Chromium on this machine: the pages were not opened";
  const fs::path folder = fs::temp_directory_path() / ("vitrine-op-pages-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  for (const char* op : {"conv2d", "batch_norm", "softmax", "fused_mbconv", "gelu"}) {
    write_file(folder / "page.html", html_text(op_page(op)));
    write_file(folder / "probe.html",
               "<!DOCTYPE html><iframe src=\"page.html\" width=\"360\" height=\"700\"></iframe><pre></pre><script>"
               "document.querySelector('iframe').addEventListener('load', e => { const doc = e.target.contentDocument, d = "
               "doc.documentElement;"
               "const wider = [...doc.querySelectorAll('main *')].filter(x => x.getBoundingClientRect().right > d.clientWidth "
               "+ 0.5).length;"
               "document.querySelector('pre').textContent = 'scroll=' + (d.scrollWidth - d.clientWidth) + ' wider=' + wider; "
               "});</script>");
    const std::string seen =
        shell_output(chromium + " --headless --no-sandbox --disable-gpu --allow-file-access-from-files --dump-dom 'file://" +
                     (folder / "probe.html").string() + "' 2>/dev/null");
    EXPECT_THAT(seen, HasSubstr("scroll=0 wider=0")) << op;
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::testing
