#include "audit/op_pages/sizes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "audit/graph.h"
#include "audit/op_pages/order.h"
#include "base/error.h"
#include "layers/kernels/pairwise.h"
#include "layers/shadow.h"

namespace vitrine::op_pages {
namespace {

// The weights do not matter: zeros.
const NetworkGraph& graph_of_b0(bool fused) {
  static std::mutex one_at_a_time;
  static std::map<bool, NetworkGraph> made;
  const std::lock_guard lock(one_at_a_time);
  const auto found = made.find(fused);
  if (found != made.end()) return found->second;
  EfficientNet net(architecture("b0"), Semantics{}, 2);
  net.set_drop_rates(0.2, 0.2);
  return made.emplace(fused, network_graph(net, kImages, kSide, fused ? GraphForm::fused : GraphForm::composed)).first->second;
}

std::int64_t chunks_of(std::int64_t terms, std::int64_t chunk) { return (terms + chunk - 1) / chunk; }

// t of gamma_t in the contracts: min(terms, chunk) + chunks.
std::int64_t depth_of(std::int64_t terms, std::int64_t chunk) { return std::min(terms, chunk) + chunks_of(terms, chunk); }

std::string gamma_text(double gamma) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.1e", gamma);
  return digits;
}

std::string sum_text(std::int64_t terms, std::int64_t chunk) {
  return text(terms, "  ", gamma_text(gamma_of(static_cast<double>(depth_of(terms, chunk)))));
}

class Layers {
 public:
  explicit Layers(const NetworkGraph& graph) : graph_(graph) {
    for (const GraphNode& node : graph.nodes) shapes_[node.id] = node.output;
  }
  // The name of the layer: its first parameter's, or its unit's.
  std::string name(const GraphNode& node) const {
    if (node.parameters.empty()) return graph_.units[static_cast<std::size_t>(node.unit)].name;
    const std::string& first = node.parameters.front();
    return first.substr(0, first.rfind('.'));
  }
  const Shape& input(const GraphNode& node) const { return shapes_.at(node.inputs.front()); }

 private:
  const NetworkGraph& graph_;
  std::map<int, Shape> shapes_;
};

using Row = std::vector<std::string>;

Row product_row(const Layers& layers, const GraphNode& node) {
  const std::int64_t C = layers.input(node).back(), K = node.output.back();
  const std::int64_t weights = node.op == "linear" ? C * K : node.parameter_count;
  return {layers.name(node), sum_text(weights / K, kDotChunk), sum_text(weights / C, kDotChunk),
          sum_text(node.output.elements() / K, kChunk)};
}

Row depthwise_row(const Layers& layers, const GraphNode& node) {
  const std::int64_t C = node.output.back(), taps = node.parameter_count / C;
  const std::string chain = text(taps, "  ", gamma_text(gamma_of(static_cast<double>(taps))));
  return {layers.name(node), chain, chain, sum_text(node.output.elements() / C, kChunk)};
}

// Sums in float64: u = 2^-53.
std::string wide_text(std::int64_t terms, std::int64_t steps) {
  const double u = 0x1p-53, t = static_cast<double>(steps);
  return text(terms, "  ", gamma_text(t * u / (1 - t * u)));
}

Row norm_row(const Layers& layers, const GraphNode& node, bool fused) {
  const std::int64_t rows = node.output.elements() / node.output.back(), chunk = fused ? 512 : kChunk;
  return {layers.name(node), wide_text(rows, std::min(rows, chunk) + chunks_of(rows, chunk))};
}

Row pixels_row(const Layers& layers, const GraphNode& node, const Shape& image) {
  const std::int64_t pixels = image[1] * image[2];
  return {layers.name(node), wide_text(pixels, pixels)};
}

Row mbconv_row(const Layers&, const GraphNode& node, const NetworkGraph& graph) {
  const NetworkGraph& composed = graph_of_b0(false);
  // The same block op by op: its products, depthwise taps and rows.
  std::int64_t most = 0, taps = 0, rows = node.output.elements() / node.output.back();
  const Layers of(composed);
  for (const GraphNode& part : composed.nodes) {
    if (part.unit != node.unit) continue;
    if (part.op == "conv2d") most = std::max(most, part.parameter_count / part.output.back());
    if (part.op == "depthwise_conv2d") taps = part.parameter_count / part.output.back();
  }
  const std::string chain = text(taps, "  ", gamma_text(gamma_of(static_cast<double>(taps))));
  return {graph.units[static_cast<std::size_t>(node.unit)].name, sum_text(most, kDotChunk), chain, text(rows)};
}

Row gate_row(const Layers& layers, const GraphNode& node) {
  const std::int64_t C = node.output.back(), R = (node.parameter_count - C) / (2 * C + 1);
  return {layers.name(node), sum_text(C, kDotChunk), sum_text(R, kDotChunk), sum_text(kImages, kChunk)};
}

// Where the fused forms stand in for the op.
bool is_fused(std::string_view op) { return op.starts_with("fused_"); }

std::vector<std::string> columns_of(std::string_view op) {
  if (op == "conv2d" || op == "linear" || op == "depthwise_conv2d") return {"layer", "y", "dx", "dw"};
  if (op == "batch_norm" || op == "fused_norm") return {"layer", "sums over rows"};
  if (op == "global_average_pool") return {"layer", "y"};
  if (op == "scale_channels") return {"layer", "ds"};
  if (op == "fused_gate") return {"layer", "a", "b", "weight gradients"};
  if (op == "fused_mbconv") return {"block", "largest product", "depthwise taps", "rows of z3"};
  return {};
}

Row row_of(const Layers& layers, const GraphNode& node, const NetworkGraph& graph) {
  if (node.op == "depthwise_conv2d") return depthwise_row(layers, node);
  if (node.op == "batch_norm" || node.op == "fused_norm") return norm_row(layers, node, node.op == "fused_norm");
  if (node.op == "global_average_pool") return pixels_row(layers, node, layers.input(node));
  if (node.op == "scale_channels") return pixels_row(layers, node, node.output);
  if (node.op == "fused_gate") return gate_row(layers, node);
  if (node.op == "fused_mbconv") return mbconv_row(layers, node, graph);
  return product_row(layers, node);
}

std::string where(int count, std::int64_t most) {
  return text("EfficientNet-b0 in training has ", count, count == 1 ? " layer" : " layers",
              " of this op; the largest output has ", most, " elements (", kImages, " images of ", kSide, " x ", kSide,
              " pixels).");
}

}  // namespace

std::vector<Block> sizes_of(std::string_view op) {
  const NetworkGraph& graph = graph_of_b0(is_fused(op));
  const Layers layers(graph);
  const std::vector<std::string> columns = columns_of(op);
  const bool wide = op == "batch_norm" || op == "fused_norm" || op == "global_average_pool" || op == "scale_channels";
  NumberTable table{
      text("Each layer of b0 at ", kImages, " images of ", kSide, " x ", kSide, ": terms and gamma_t of one sum"), columns, {}};
  int count = 0;
  std::int64_t most = 0;
  for (const GraphNode& node : graph.nodes) {
    if (node.op != op) continue;
    ++count, most = std::max(most, node.output.elements());
    if (!columns.empty()) table.rows.push_back(row_of(layers, node, graph));
  }
  if (count == 0)
    return {Paragraph{text("EfficientNet-b0 does not use this op",
                           op == "fused_gate" ? " in training: its blocks fit fused_mbconv, which holds the gate" : "", "."),
                      false}};
  std::vector<Block> blocks{Paragraph{where(count, most), false}};
  if (columns.empty()) {
    blocks.push_back(Paragraph{
        orders_of(op).empty() ? "No sum is made: the bound of an element is the one that Numerics states, whatever the size."
                              : "Its sums are in float64; the bound is the one that Numerics states.",
        false});
    return blocks;
  }
  blocks.push_back(
      Paragraph{wide ? "gamma_t = t u / (1 - t u) with u = 2^-53 and t the longest way of a term: these sums are in float64, "
                       "and what is rounded to float32 is their result."
                     : "gamma_t = t u / (1 - t u) with u = 2^-24 and t = min(terms, chunk) + chunks (of a single accumulator "
                       "its terms): an element is off by at most gamma_t times the sum of its terms' absolute values.",
                false});
  blocks.push_back(std::move(table));
  return blocks;
}

}  // namespace vitrine::op_pages
