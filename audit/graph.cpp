#include "audit/graph.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/error.h"
#include "base/number.h"

namespace vitrine {
namespace {

using Clock = std::chrono::steady_clock;

const void* memory_of(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::f64: return tensor.data<double>();
    case DType::u8: return tensor.data<std::uint8_t>();
    default: return tensor.data();
  }
}

// Adds up what nodes show, each piece of memory once.
class SavedBytes final : public SavedVisitor {
 public:
  void known(const Tensor& tensor) { seen_.insert(memory_of(tensor)); }
  std::uint64_t of(const Node& node) {
    bytes_ = 0;
    node.visit(*this);
    return bytes_;
  }

 private:
  void see(std::string_view, const Tensor& tensor) override {
    if (seen_.insert(memory_of(tensor)).second)
      bytes_ += static_cast<std::uint64_t>(tensor.size()) * dtype_bytes(tensor.dtype());
  }

  std::set<const void*> seen_;
  std::uint64_t bytes_ = 0;
};

double product(const Shape& s, int from, int to) {
  double p = 1;
  for (int i = from; i < to; ++i) p *= static_cast<double>(s[i]);
  return p;
}

// Of one op; `inputs`: shapes of its inputs, rank 0 where the tape has none.
double multiply_adds_of(const std::string& op, const std::vector<Shape>& inputs, const Shape& output) {
  const auto pixels = [](const Shape& image) { return product(image, 0, 3); };
  const auto all = [](const Shape& s) { return product(s, 0, s.rank()); };
  if (op == "conv2d") return pixels(output) * all(inputs[1]);
  if (op == "depthwise_conv2d") return pixels(output) * all(inputs[1]);
  if (op == "linear") return static_cast<double>(inputs[0][0]) * all(inputs[1]);
  if (op == "fused_gate") return static_cast<double>(inputs[0][0]) * (all(inputs[1]) + all(inputs[3]));
  if (op != "fused_mbconv") return 0;
  // The inputs of fused_mbconv: x, then weight, scale and shift of expansion and depthwise, projection, and the gate's weights and biases.
  const auto weight = [&](std::size_t i) { return i < inputs.size() && inputs[i].rank() > 0 ? all(inputs[i]) : 0.0; };
  const auto images = static_cast<double>(output[0]);
  return pixels(inputs[0]) * weight(1) + pixels(output) * (weight(4) + weight(7)) + images * (weight(8) + weight(10));
}

// Builds the graph while the pass runs.
class GraphObserver final : public TapeObserver {
 public:
  GraphObserver(NetworkGraph& graph, EfficientNet& net) : graph_(graph) {
    net.visit([&](const NamedTensor& tensor) {
      if (tensor.parameter != nullptr) names_[tensor.parameter] = tensor.name;
    });
  }

  void begin_unit(const std::string& name) {
    graph_.units.push_back({name, {}, 0, 0, 0, 0});
    last_ = Clock::now();
  }

  void recorded(const TapeEntry& entry, const Tensor& output) override {
    const double seconds = std::chrono::duration<double>(Clock::now() - last_).count();
    shapes_.push_back(entry.shape);
    leaves_.push_back(entry.parameter);
    if (entry.parameter != nullptr) {
      saved_.known(output);
    } else {
      add(entry, entry.node != nullptr ? seconds : 0);
    }
    last_ = Clock::now();
  }

 private:
  void add(const TapeEntry& entry, double seconds) {
    GraphNode node;
    node.id = entry.id, node.op = std::string(entry.name()), node.output = entry.shape, node.seconds = seconds;
    node.unit = static_cast<int>(graph_.units.size()) - 1;
    std::vector<Shape> shapes;
    for (const int id : entry.inputs) {
      shapes.push_back(id < 0 ? Shape() : shapes_[static_cast<std::size_t>(id)]);
      if (id < 0) continue;
      if (const Parameter* parameter = leaves_[static_cast<std::size_t>(id)]) {
        const auto found = names_.find(parameter);
        node.parameters.push_back(found == names_.end() ? "parameter" : found->second);
        node.parameter_count += shapes.back().elements();
      } else {
        node.inputs.push_back(id);
      }
    }
    node.multiply_adds = multiply_adds_of(node.op, shapes, entry.shape);
    if (entry.node != nullptr) node.saved_bytes = saved_.of(*entry.node);
    GraphUnit& unit = graph_.units.back();
    unit.output = node.output;
    unit.parameter_count += node.parameter_count, unit.multiply_adds += node.multiply_adds;
    unit.saved_bytes += node.saved_bytes, unit.seconds += node.seconds;
    graph_.nodes.push_back(std::move(node));
  }

  NetworkGraph& graph_;
  std::map<const Parameter*, std::string> names_;
  std::vector<Shape> shapes_;
  std::vector<const Parameter*> leaves_;
  SavedBytes saved_;
  Clock::time_point last_ = Clock::now();
};

NetworkGraph recorded_graph(EfficientNet& net, std::int64_t batch, std::int64_t size, GraphForm form) {
  const std::int64_t channels = net.semantics.channels;
  NetworkGraph graph{form == GraphForm::fused ? "fused" : "composed", batch, size, channels, {}, {}};
  check_images({batch, size, size, channels}, channels);
  GraphObserver observer(graph, net);
  Tape tape;
  tape.observe(&observer);
  Pass pass = Pass::train(tape, DropKey{});
  pass.fused = form == GraphForm::fused;
  observer.begin_unit("stem");
  Variable x = tape.input(Tensor::zeros({batch, size, size, channels}));
  for (int unit = 0; unit < net.units(); ++unit) {
    if (unit > 0) observer.begin_unit(net.unit_name(unit));
    x = net.run_unit(unit, x, pass);
  }
  observer.begin_unit("classifier");
  net.classify(x, pass);
  return graph;
}

std::string quoted(const std::string& words) {
  std::string out = "\"";
  for (const char c : words) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

GraphUnit NetworkGraph::total() const {
  GraphUnit sum{"", {}, 0, 0, 0, 0};
  for (const GraphUnit& u : units) {
    sum.parameter_count += u.parameter_count, sum.multiply_adds += u.multiply_adds;
    sum.saved_bytes += u.saved_bytes, sum.seconds += u.seconds;
    sum.output = u.output;
  }
  return sum;
}

NetworkGraph network_graph(EfficientNet& net, std::int64_t batch, std::int64_t size, GraphForm form, int passes) {
  NetworkGraph graph = recorded_graph(net, batch, size, form);
  for (int pass = 1; pass < passes; ++pass) {
    const NetworkGraph again = recorded_graph(net, batch, size, form);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      graph.nodes[i].seconds = std::min(graph.nodes[i].seconds, again.nodes[i].seconds);
  }
  for (GraphUnit& unit : graph.units) unit.seconds = 0;
  for (GraphNode& node : graph.nodes) {
    if (passes == 0) node.seconds = 0;
    graph.units[static_cast<std::size_t>(node.unit)].seconds += node.seconds;
  }
  return graph;
}

std::string graph_dot(const NetworkGraph& graph) {
  std::string out =
      text("digraph network {\n  label=", quoted(text(graph.form, ", ", graph.batch, " x ", graph.size, " x ", graph.size)),
           ";\n  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n");
  for (std::size_t u = 0; u < graph.units.size(); ++u) {
    out += text("  subgraph cluster_", u, " {\n    label=", quoted(graph.units[u].name), ";\n");
    for (const GraphNode& node : graph.nodes) {
      if (node.unit != static_cast<int>(u)) continue;
      std::string label = text(node.op, "\\n", node.output.text());
      if (node.parameter_count > 0) label += text("\\n", node.parameter_count, " parameters");
      if (node.multiply_adds > 0) label += text("\\n", static_cast<std::int64_t>(node.multiply_adds), " multiply-adds");
      if (node.saved_bytes > 0) label += text("\\n", node.saved_bytes, " bytes saved");
      out += text("    n", node.id, " [label=\"", label, "\"];\n");
    }
    out += "  }\n";
  }
  for (const GraphNode& node : graph.nodes) {
    for (const int input : node.inputs) out += text("  n", input, " -> n", node.id, ";\n");
  }
  return out + "}\n";
}

double quantity(const GraphNode& node, GraphColour colour) {
  switch (colour) {
    case GraphColour::memory: return static_cast<double>(node.saved_bytes);
    case GraphColour::work: return node.multiply_adds;
    case GraphColour::time: return node.seconds;
  }
  return 0;
}

double quantity(const GraphUnit& unit, GraphColour colour) {
  switch (colour) {
    case GraphColour::memory: return static_cast<double>(unit.saved_bytes);
    case GraphColour::work: return unit.multiply_adds;
    case GraphColour::time: return unit.seconds;
  }
  return 0;
}

std::string short_count(double count) {
  if (count < 1000) return fixed(count, 0);
  if (count < 1e6) return fixed(count / 1e3, 1) + " k";
  return count < 1e9 ? fixed(count / 1e6, 1) + " M" : fixed(count / 1e9, 2) + " G";
}

std::string short_bytes(double bytes) {
  if (bytes < 1024) return fixed(bytes, 0) + " B";
  return bytes < 1024 * 1024 ? fixed(bytes / 1024, 1) + " KiB" : fixed(bytes / (1024 * 1024), 1) + " MiB";
}

}  // namespace vitrine
