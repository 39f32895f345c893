#include "audit/graph_layout.h"

#include <algorithm>
#include <map>

namespace vitrine {
namespace {

// Lanes beside the ops: the first that is free between the two layers.
void give_lanes(GraphLayout& layout) {
  std::vector<std::vector<std::pair<int, int>>> taken;
  for (PlacedEdge& edge : layout.edges) {
    const int top = edge.from < 0 ? -1 : layout.nodes[static_cast<std::size_t>(edge.from)].layer;
    const int bottom = layout.nodes[static_cast<std::size_t>(edge.to)].layer;
    if (bottom - top <= 1) continue;
    std::size_t lane = 0;
    const auto crosses = [&](const std::pair<int, int>& other) { return top < other.second && other.first < bottom; };
    while (lane < taken.size() && std::any_of(taken[lane].begin(), taken[lane].end(), crosses)) ++lane;
    if (lane == taken.size()) taken.emplace_back();
    taken[lane].emplace_back(top, bottom);
    edge.lane = static_cast<int>(lane);
  }
  layout.lanes = static_cast<int>(taken.size());
}

void give_columns(GraphLayout& layout) {
  for (int layer = 0; layer < layout.layers; ++layer) {
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < layout.nodes.size(); ++i) {
      if (layout.nodes[i].layer != layer) continue;
      double sum = 0, count = 0;
      for (const PlacedEdge& e : layout.edges) {
        if (e.to != static_cast<int>(i) || e.from < 0) continue;
        sum += layout.nodes[static_cast<std::size_t>(e.from)].column, count += 1;
      }
      order.emplace_back(count > 0 ? sum / count : 0, i);
    }
    std::sort(order.begin(), order.end());
    for (std::size_t place = 0; place < order.size(); ++place)
      layout.nodes[order[place].second].column = static_cast<int>(place);
    layout.columns = std::max(layout.columns, static_cast<int>(order.size()));
  }
}

}  // namespace

GraphLayout layout_of_unit(const NetworkGraph& graph, int unit) {
  GraphLayout layout;
  std::map<int, int> places;  // of ids
  for (const GraphNode& node : graph.nodes) {
    if (node.unit != unit || node.op == "input") continue;
    const int to = static_cast<int>(layout.nodes.size());
    PlacedNode placed{&node, 0, 0};
    for (const int input : node.inputs) {
      const auto found = places.find(input);
      layout.edges.push_back({found == places.end() ? -1 : found->second, to, -1});
      if (found != places.end())
        placed.layer = std::max(placed.layer, layout.nodes[static_cast<std::size_t>(found->second)].layer + 1);
    }
    layout.layers = std::max(layout.layers, placed.layer + 1);
    layout.nodes.push_back(placed);
    places[node.id] = to;
  }
  give_columns(layout);
  give_lanes(layout);
  return layout;
}

}  // namespace vitrine
