// The graph of a network: what its tape records in one training pass, op by op, with what each op costs.
//
// Made from what a TapeObserver is told and what each node shows (Node::visit): there is no second description of the network. Memory is what the
// nodes hold for the backward pass, each piece counted once, with the first op that shows it; parameters are not counted, they are there anyway.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

struct GraphNode {
  int id = -1;              // on the tape
  std::string op;           // "conv2d", "fused_mbconv", "input"
  std::vector<int> inputs;  // ids of the values that it reads, parameters left out
  Shape output;
  std::vector<std::string> parameters;  // their names: "blocks.0.0.conv_dw.weight"
  std::int64_t parameter_count = 0;     // elements of them
  double multiply_adds = 0;             // of convolutions and products, padding counted as if it were inside
  std::uint64_t saved_bytes = 0;        // held for the backward pass
  double seconds = 0;                   // forward, the least of several passes; 0 where no time was asked for
  int unit = 0;                         // index into NetworkGraph::units
};

// A part of the network that is shown as one: "stem", "blocks.3.1", "head", "classifier".
struct GraphUnit {
  std::string name;
  Shape output;
  std::int64_t parameter_count = 0;
  double multiply_adds = 0;
  std::uint64_t saved_bytes = 0;
  double seconds = 0;
};

struct NetworkGraph {
  std::string form;  // "composed", "fused"
  std::int64_t batch = 0, size = 0, channels = 0;
  std::vector<GraphUnit> units;
  std::vector<GraphNode> nodes;  // in the order of the tape, the input first; leaves that are parameters left out

  GraphUnit total() const;
};

enum class GraphForm { composed, fused };  // Pass::fused off and on

// One training pass over a batch of images of zeros; the weights stay, running statistics move. `passes` above 0: times are measured, the least of
// so many. ShapeError where the network cannot take the size, or a channel has one value in training.
NetworkGraph network_graph(EfficientNet& net, std::int64_t batch, std::int64_t size, GraphForm form, int passes = 0);

// For Graphviz: clusters are the units.
std::string graph_dot(const NetworkGraph& graph);

// What colours mean.
enum class GraphColour { memory, work, time };
double quantity(const GraphNode& node, GraphColour colour);
double quantity(const GraphUnit& unit, GraphColour colour);

// One page for one form, or for two side by side; the same bytes for the same graphs.
std::string graph_html(const std::string& title, const std::vector<NetworkGraph>& graphs, GraphColour colour);

// "1.2 k", "33.0 M"; "3.4 MiB".
std::string short_count(double count);
std::string short_bytes(double bytes);

}  // namespace vitrine
