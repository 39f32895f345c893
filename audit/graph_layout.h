// Where the ops of one unit stand in its drawing: in layers, each op below everything that it reads.
#pragma once

#include <vector>

#include "audit/graph.h"

namespace vitrine {

struct PlacedNode {
  const GraphNode* node = nullptr;
  int layer = 0, column = 0;
};

// An edge from a layer to the next one is drawn straight; a longer one runs beside the ops, in a lane of its own where others pass.
struct PlacedEdge {
  int from = 0, to = 0;  // index into nodes; from -1: the unit's input
  int lane = -1;         // -1: straight
};

struct GraphLayout {
  std::vector<PlacedNode> nodes;  // in the order of the tape
  std::vector<PlacedEdge> edges;
  int layers = 0, columns = 1, lanes = 0;
};

// Layers by the longest path from the unit's input. Within a layer, ops stand in the order of the mean column of what they read.
GraphLayout layout_of_unit(const NetworkGraph& graph, int unit);

}  // namespace vitrine
