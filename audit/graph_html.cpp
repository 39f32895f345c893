// The graph as a page: a drawing of the units, and one drawing of its ops for each unit, folded away until it is opened.
#include <algorithm>
#include <cmath>

#include "audit/graph.h"
#include "audit/graph_layout.h"
#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/report_style.h"

namespace vitrine {
namespace {

using report::escaped;

constexpr double kBox = 218, kRow = 92, kTall = 66, kGap = 14, kLane = 12, kTop = 34, kUnitRow = 58, kUnitTall = 40,
                 kWide = 320;

constexpr const char* kStyle = R"(
details { border: 1px solid var(--line); border-radius: 4px; margin: .35em 0; padding: .3em .6em; min-width: 0; }
summary { cursor: pointer; padding: .2em 0; } summary b { font-weight: 600; } summary small { color: var(--faint); display: block; }
details > svg { max-width: 360px; margin: .4em 0; }
svg .box { stroke: var(--rule); fill: var(--paper); } svg .heat { fill: var(--blue); stroke: none; }
svg .edge { fill: none; stroke: var(--rule); stroke-width: 1.3; } svg .tip { fill: var(--rule); stroke: none; }
svg .name { font-size: 12.5px; font-weight: 600; } svg .fact { font-size: 10.5px; fill: var(--ink); }
.scale { display: flex; flex-wrap: wrap; gap: .3em 1em; padding: 0; margin: .5em 0; list-style: none; font-size: .87em; }
.scale li { margin: 0; } .scale i { display: inline-block; width: 1.6em; height: .9em; vertical-align: -.1em; margin-right: .4em; border: 1px solid var(--rule); }
.scale i::before { content: ""; display: block; height: 100%; background: var(--blue); opacity: var(--share); -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.forms { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: .5em 1.6em; align-items: start; } .forms > section { min-width: 0; }
.forms > section > svg { max-width: 420px; }
)";

// Steps of a share of the whole, and how dark each is. Text on the darkest keeps a contrast above 4.5 to 1.
struct Step {
  double from;
  int percent;
  const char* words;
};
constexpr Step kSteps[] = {
    {0.1, 45, "10 % and more"}, {0.05, 32, "5 to 10 %"}, {0.02, 20, "2 to 5 %"}, {0.005, 10, "0.5 to 2 %"}, {0, 0, "less"}};

const Step& step_of(double share) {
  for (const Step& step : kSteps) {
    if (share >= step.from) return step;
  }
  return kSteps[std::size(kSteps) - 1];
}

const char* name_of(GraphColour colour) {
  return colour == GraphColour::memory ? "memory that is held for the backward pass"
         : colour == GraphColour::work ? "multiply-adds of the forward pass"
                                       : "time of the forward pass, as measured";
}

std::string n(double v) { return fixed(v, 1); }

std::string label(const char* kind, double x, double y, const std::string& words) {
  return text("<text class=\"", kind, "\" x=\"", n(x), "\" y=\"", n(y), "\">", escaped(words), "</text>\n");
}

std::string box(double x, double y, double width, double height, double share) {
  const auto rectangle = [&](const char* kind, const std::string& more) {
    return text("<rect class=\"", kind, "\" x=\"", n(x), "\" y=\"", n(y), "\" width=\"", n(width), "\" height=\"", n(height),
                "\" rx=\"3\"", more, "/>\n");
  };
  const int percent = step_of(share).percent;
  return rectangle("box", "") +
         (percent > 0 ? rectangle("heat", text(" fill-opacity=\"", fixed(percent / 100.0, 2), "\"")) : "");
}

std::string tip(double x, double y) {
  return text("<path class=\"tip\" d=\"M", n(x - 3.5), " ", n(y - 7), "L", n(x + 3.5), " ", n(y - 7), "L", n(x), " ", n(y),
              "z\"/>\n");
}

std::string picture(double width, double height, const std::string& about, const std::string& content) {
  return text("<svg viewBox=\"0 0 ", n(width), " ", n(height), "\" role=\"img\" aria-label=\"", escaped(about), "\">\n",
              content, "</svg>\n");
}

std::string facts_of(std::int64_t parameters, double work, double memory) {
  std::string out;
  const auto add = [&](const std::string& fact) { out += (out.empty() ? "" : ", ") + fact; };
  if (parameters > 0) add(short_count(static_cast<double>(parameters)) + " parameters");
  if (work > 0) add(short_count(work) + " multiply-adds");
  if (memory > 0) add(short_bytes(memory) + " saved");
  return out;
}

std::string percent(double share) { return fixed(100 * share, share < 0.1 ? 1 : 0) + " %"; }

std::string milliseconds(double seconds) { return fixed(1e3 * seconds, 3) + " ms"; }

class GraphPage {
 public:
  GraphPage(const NetworkGraph& graph, GraphColour colour) : graph_(graph), colour_(colour), total_(graph.total()) {}

  std::string html() const {
    std::string out =
        text("<section aria-labelledby=\"", graph_.form, "\">\n<h2 id=\"", graph_.form, "\">", title(), "</h2>\n<p>",
             escaped(facts_of(total_.parameter_count, total_.multiply_adds, static_cast<double>(total_.saved_bytes))), "; ",
             graph_.nodes.size() - 1, " ops",
             colour_ == GraphColour::time ? text(", ", milliseconds(total_.seconds)) : std::string(), ".</p>\n", overview());
    out += "<h3>Its ops</h3>\n";
    for (std::size_t u = 0; u < graph_.units.size(); ++u) out += unit(static_cast<int>(u));
    return out + "</section>\n";
  }

 private:
  std::string title() const { return graph_.form == "fused" ? "Fused, as training runs" : "Composed, every op on its own"; }
  std::string anchor(int unit) const { return text(graph_.form, "-", graph_.units[static_cast<std::size_t>(unit)].name); }
  template <class Part>
  double share(const Part& part) const {
    const double all = quantity(total_, colour_);
    return all > 0 ? quantity(part, colour_) / all : 0;
  }

  // The units in forward order, each a link to its ops.
  std::string overview() const {
    std::string content =
        label("fact", 8, 16, text("images ", Shape{graph_.batch, graph_.size, graph_.size, graph_.channels}.text()));
    for (std::size_t u = 0; u < graph_.units.size(); ++u) {
      const GraphUnit& part = graph_.units[u];
      const double y = kTop + static_cast<double>(u) * kUnitRow;
      content +=
          text("<path class=\"edge\" d=\"M24 ", n(y - (u == 0 ? 14 : kUnitRow - kUnitTall)), "V", n(y), "\"/>\n") + tip(24, y);
      content += text("<a href=\"#", anchor(static_cast<int>(u)), "\">\n", box(1, y, kWide - 2, kUnitTall, share(part)),
                      label("name", 8, y + 16, part.name),
                      label("fact", 8, y + 32, text(part.output.text(), "  ", percent(share(part)))), "</a>\n");
    }
    return picture(kWide, kTop + static_cast<double>(graph_.units.size()) * kUnitRow,
                   text("The units of the network, ", graph_.form), content);
  }

  std::string unit(int index) const {
    const GraphUnit& part = graph_.units[static_cast<std::size_t>(index)];
    const std::string cost = facts_of(part.parameter_count, part.multiply_adds, static_cast<double>(part.saved_bytes));
    return text("<details id=\"", anchor(index), "\">\n<summary><b>", escaped(part.name), "</b> ", part.output.text(), ", ",
                percent(share(part)), "<small>", escaped(cost),
                colour_ == GraphColour::time ? text(", ", milliseconds(part.seconds)) : std::string(), "</small></summary>\n",
                drawing(index), "</details>\n");
  }

  std::string drawing(int index) const {
    const GraphLayout layout = layout_of_unit(graph_, index);
    const double width = 2 + layout.columns * (kBox + kGap) + layout.lanes * kLane + 4;
    const double height = kTop + layout.layers * kRow;
    std::string content =
        label("fact", 8, 16, index == 0 ? std::string("images") : graph_.units[static_cast<std::size_t>(index) - 1].name);
    for (const PlacedEdge& edge : layout.edges) content += edge_of(layout, edge);
    for (const PlacedNode& placed : layout.nodes) content += node(placed);
    return picture(width, height, text("The ops of ", graph_.units[static_cast<std::size_t>(index)].name, ", ", graph_.form),
                   content);
  }

  static double left(const PlacedNode& p) { return 1 + p.column * (kBox + kGap); }
  static double top(const PlacedNode& p) { return kTop + p.layer * kRow; }

  std::string edge_of(const GraphLayout& layout, const PlacedEdge& edge) const {
    const PlacedNode& to = layout.nodes[static_cast<std::size_t>(edge.to)];
    const PlacedNode* from = edge.from < 0 ? nullptr : &layout.nodes[static_cast<std::size_t>(edge.from)];
    const double x1 = from != nullptr ? left(*from) + 24 : 24, y1 = from != nullptr ? top(*from) + kTall : kTop - 14;
    const double y2 = top(to);
    if (edge.lane < 0) {
      const double x2 = left(to) + 24;
      return text("<path class=\"edge\" d=\"M", n(x1), " ", n(y1), "L", n(x2), " ", n(y2 - 5), "\"/>\n") + tip(x2, y2);
    }
    // Down beside the boxes, and into the op from above.
    const double lane = 1 + layout.columns * (kBox + kGap) - kGap + 8 + edge.lane * kLane, x2 = left(to) + 60 + edge.lane * 16;
    const double out = y1 + (from != nullptr ? 7 : 3), in = y2 - 12;
    return text("<path class=\"edge\" d=\"M", n(x1), " ", n(y1), "V", n(out), "H", n(lane), "V", n(in), "H", n(x2), "V",
                n(y2 - 5), "\"/>\n") +
           tip(x2, y2);
  }

  std::string node(const PlacedNode& placed) const {
    const GraphNode& of = *placed.node;
    const double x = left(placed), y = top(placed), part = share(of);
    std::string cost;
    const auto add = [&](const std::string& fact) { cost += (cost.empty() ? "" : ", ") + fact; };
    if (of.parameter_count > 0) add(short_count(static_cast<double>(of.parameter_count)) + " par.");
    if (of.multiply_adds > 0) add(short_count(of.multiply_adds) + " mul-adds");
    std::string kept =
        of.saved_bytes > 0 ? short_bytes(static_cast<double>(of.saved_bytes)) + " saved" : std::string("nothing saved");
    if (colour_ == GraphColour::time) kept += ", " + milliseconds(of.seconds);
    std::string title = text(of.id, " ", of.op, ", reads");
    for (const int input : of.inputs) title += text(" ", input);
    for (const std::string& name : of.parameters) title += text("\n", name);
    return text("<g>\n<title>", escaped(title), "</title>\n", box(x, y, kBox, kTall, part), label("name", x + 7, y + 15, of.op),
                label("fact", x + 7, y + 29, of.output.text()),
                cost.empty() ? std::string() : label("fact", x + 7, y + 43, cost),
                label("fact", x + 7, y + (cost.empty() ? 43 : 57), text(kept, part > 0 ? ", " + percent(part) : std::string())),
                "</g>\n");
  }

  const NetworkGraph& graph_;
  GraphColour colour_;
  GraphUnit total_;
};

std::string legend(GraphColour colour) {
  std::string out = text("<p>Colour: an op’s or a unit’s share of the ", name_of(colour), ".</p>\n<ul class=\"scale\">\n");
  for (const Step& step : kSteps)
    out += text("<li><i style=\"--share: ", fixed(step.percent / 100.0, 2), "\"></i>", step.words, "</li>\n");
  return out + "</ul>\n";
}

}  // namespace

std::string graph_html(const std::string& title, const std::vector<NetworkGraph>& graphs, GraphColour colour) {
  if (graphs.empty()) throw InternalError("graph_html: there is no graph to show");
  const NetworkGraph& first = graphs.front();
  std::string out =
      text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", escaped(title),
           "</title>\n<style>", report::kReportStyle, kStyle,
           "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<h1>",
           escaped(title), "</h1>\n<p>One training pass over ", first.batch, first.batch == 1 ? " image" : " images", " of ",
           first.size, " × ", first.size,
           " pixels, as the tape records it: ops in forward order, each below what it reads. Saved is what an op "
           "holds for the backward pass, each piece of memory counted once, with the first op that holds it; "
           "parameters are not counted. A point at an op names its parameters and the numbers of its inputs on the tape.</p>\n",
           legend(colour), "</header>\n<main id=\"main\">\n<div class=\"forms\">\n");
  for (const NetworkGraph& graph : graphs) out += GraphPage(graph, colour).html();
  return out + "</div>\n</main>\n</body>\n</html>\n";
}

}  // namespace vitrine
