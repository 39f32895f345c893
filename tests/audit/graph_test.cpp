// `vitrine audit graph`: what the graph says of a network against the network's own numbers, where its ops are drawn, and its page in a browser.
#include "audit/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "audit/graph_layout.h"
#include "base/error.h"
#include "base/output.h"
#include "nn/efficientnet/work.h"
#include "tests/chromium.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

EfficientNet network(const std::string& arch, std::int64_t classes = 3) {
  EfficientNet net(architecture(arch), Semantics{}, classes);
  net.initialize(3);
  return net;
}

TEST(Graph, HoldsEveryParameterAndEveryMultiplyAdd) {
  for (const char* arch : {"b0", "lite0"}) {
    EfficientNet net = network(arch);
    const double expected = multiply_adds(layers_of(net.arch, 2, 64, 3, 3));
    for (const GraphForm form : {GraphForm::composed, GraphForm::fused}) {
      const NetworkGraph graph = network_graph(net, 2, 64, form);
      const GraphUnit total = graph.total();
      EXPECT_EQ(total.parameter_count, net.parameter_count()) << arch << " " << graph.form;
      EXPECT_EQ(total.multiply_adds, expected) << arch << " " << graph.form;
      EXPECT_EQ(graph.units.size(), static_cast<std::size_t>(net.units()) + 1);
      EXPECT_EQ(total.output, (Shape{2, 3}));
    }
  }
}

TEST(Graph, TheFusedFormHoldsLessInFewerOps) {
  EfficientNet net = network("b0");
  const NetworkGraph composed = network_graph(net, 1, 64, GraphForm::composed),
                     fused = network_graph(net, 1, 64, GraphForm::fused);
  EXPECT_LT(fused.total().saved_bytes, composed.total().saved_bytes);
  EXPECT_LT(fused.nodes.size(), composed.nodes.size() / 4);
}

TEST(Graph, EveryOpReadsOnlyWhatCameBefore) {
  EfficientNet net = network("b0");
  const NetworkGraph graph = network_graph(net, 1, 64, GraphForm::composed);
  std::map<int, bool> known;
  for (const GraphNode& node : graph.nodes) {
    for (const int input : node.inputs) EXPECT_TRUE(known.count(input)) << node.op << " " << node.id;
    EXPECT_EQ(node.inputs.empty(), node.op == "input") << node.op;
    known[node.id] = true;
  }
  for (std::size_t unit = 0; unit < graph.units.size(); ++unit) {
    const GraphLayout layout = layout_of_unit(graph, static_cast<int>(unit));
    std::map<std::pair<int, int>, int> places;
    for (const PlacedNode& n : layout.nodes) EXPECT_EQ(places[(std::pair{n.layer, n.column})]++, 0) << "two ops in one place";
    for (const PlacedEdge& e : layout.edges) {
      const int top = e.from < 0 ? -1 : layout.nodes[static_cast<std::size_t>(e.from)].layer;
      const int bottom = layout.nodes[static_cast<std::size_t>(e.to)].layer;
      EXPECT_LT(top, bottom);
      EXPECT_EQ(e.lane >= 0, bottom - top > 1) << "an edge that passes ops runs beside them";
    }
  }
}

TEST(Graph, TheGateOfSqueezeExcitationRunsBesideTheOps) {
  EfficientNet net = network("b0");
  const GraphLayout layout = layout_of_unit(network_graph(net, 1, 64, GraphForm::composed), 3);  // blocks.1.1, with a residual
  EXPECT_EQ(layout.lanes, 2) << "the gated values, and the residual connection around them";
  EXPECT_EQ(layout.columns, 1);
}

TEST(Graph, TimesAreMeasuredWhereTheyAreAskedFor) {
  EfficientNet net = network("lite0");
  EXPECT_EQ(network_graph(net, 1, 64, GraphForm::fused).total().seconds, 0);
  const NetworkGraph timed = network_graph(net, 1, 64, GraphForm::fused, 2);
  for (const GraphNode& node : timed.nodes) EXPECT_EQ(node.seconds > 0, node.op != "input") << node.op;
}

TEST(Graph, DotNamesEveryOpAndEdge) {
  EfficientNet net = network("lite0");
  const NetworkGraph graph = network_graph(net, 1, 64, GraphForm::composed);
  const std::string dot = graph_dot(graph);
  const auto count = [&](const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = dot.find(what); at != std::string::npos; at = dot.find(what, at + 1)) ++found;
    return found;
  };
  std::size_t edges = 0;
  for (const GraphNode& node : graph.nodes) edges += node.inputs.size();
  EXPECT_EQ(count("[label="), graph.nodes.size());
  EXPECT_EQ(count(" -> "), edges);
  EXPECT_EQ(count("subgraph cluster_"), graph.units.size());
}

TEST(Graph, AnImageThatLeavesAChannelOneValueIsRefused) {
  EfficientNet net = network("b0");
  EXPECT_THROW(network_graph(net, 1, 32, GraphForm::composed), ShapeError);
  EXPECT_THROW(network_graph(net, 1, 16, GraphForm::composed), ShapeError);
}

TEST(Graph, ThePageIsTheSameBytesAndHasNoScript) {
  EfficientNet net = network("b0");
  const auto page = [&] {
    return graph_html("b0", {network_graph(net, 1, 64, GraphForm::composed), network_graph(net, 1, 64, GraphForm::fused)},
                      GraphColour::memory);
  };
  const std::string html = page();
  EXPECT_EQ(html, page());
  EXPECT_THAT(html, ::testing::Not(HasSubstr("<script")));
  EXPECT_THAT(html, ::testing::Not(HasSubstr("http")));
  for (const char* part :
       {"<details id=\"composed-blocks.3.1\">", "<details id=\"fused-head\">", "blocks.0.0.conv_dw.weight", "fused_mbconv"})
    EXPECT_THAT(html, HasSubstr(part));
}

// All drawings opened, in a frame as wide as a phone: nothing sticks out.
TEST(GraphBrowser, NothingScrollsSidewaysOnAPhone) {
  const std::string chromium = testing::chromium();
  if (chromium.empty()) GTEST_SKIP() << "no Chromium on this machine: the page was not opened";
  EfficientNet net = network("b0");
  std::string html = graph_html(
      "b0", {network_graph(net, 1, 64, GraphForm::composed), network_graph(net, 1, 64, GraphForm::fused)}, GraphColour::memory);
  for (std::size_t at = html.find("<details "); at != std::string::npos; at = html.find("<details ", at + 10))
    html.insert(at + 8, " open");
  const fs::path folder = fs::temp_directory_path() / ("vitrine-graph-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  write_file(folder / "page.html", html);
  write_file(
      folder / "probe.html",
      "<!DOCTYPE html><iframe src=\"page.html\" width=\"360\" height=\"700\"></iframe><pre></pre><script>"
      "document.querySelector('iframe').addEventListener('load', e => { const d = e.target.contentDocument.documentElement;"
      "document.querySelector('pre').textContent = 'scroll=' + (d.scrollWidth - d.clientWidth) + ' drawings=' + "
      "e.target.contentDocument.querySelectorAll('svg').length; });</script>");
  const std::string seen =
      shell_output(chromium + " --headless --no-sandbox --disable-gpu --allow-file-access-from-files --dump-dom 'file://" +
                   (folder / "probe.html").string() + "' 2>/dev/null");
  EXPECT_THAT(seen, HasSubstr("scroll=0 drawings=40"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::testing
