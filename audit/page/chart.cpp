#include "audit/page/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/svg.h"

namespace vitrine::audit {
namespace {

using report::escaped;

constexpr double kWidth = 360, kHeight = 176, kLeft = 52, kRight = 10, kTop = 26, kBottom = 34;
constexpr double kRoom = 0.06;  // of the height, above and below what is drawn

std::string n(double v) { return fixed(v, 1); }

std::string label(double x, double y, const char* anchor, const char* kind, const std::string& what) {
  return text("<text class=\"", kind, "\" x=\"", n(x), "\" y=\"", n(y), "\" text-anchor=\"", anchor, "\">", escaped(what),
              "</text>\n");
}

}  // namespace

std::string rho_text(double rho) { return std::isfinite(rho) ? fixed(rho, 3) : "NaN"; }

std::string number_of(double value) {
  if (std::isnan(value)) return "NaN";
  char digits[40];
  std::snprintf(digits, sizeof digits, "%.4g", value);
  std::string out = digits;
  std::ranges::replace(out, ',', '.');  // whatever the locale says
  return out;
}

std::string steps_text(const StepColumns& columns, std::size_t column) {
  const std::uint64_t first = columns.first(column), last = columns.last(column);
  return first == last ? text(first) : text(first, " to ", last);
}

Chart::Chart(std::string title, std::string about, const StepColumns& columns, bool logarithmic)
    : title_(std::move(title)), about_(std::move(about)), columns_(columns), logarithmic_(logarithmic) {}

void Chart::line(const std::vector<double>& y, const char* colour, bool dashed) {
  content_.push_back({y, y, colour, false, dashed});
}

void Chart::band(const std::vector<double>& low, const std::vector<double>& high, const char* colour) {
  content_.push_back({low, high, colour, true, false});
}

bool Chart::is_shown(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0); }

std::optional<Chart::Scale> Chart::scale() const {
  bool any = false;
  double low = 0, high = 0;
  for (const Drawn& d : content_) {
    for (const std::vector<double>* values : {&d.low, &d.high}) {
      for (const double value : *values) {
        if (!is_shown(value)) continue;
        const double v = logarithmic_ ? std::log10(value) : value;
        low = any ? std::min(low, v) : v;
        high = any ? std::max(high, v) : v;
        any = true;
      }
    }
  }
  if (!any) return std::nullopt;
  const double least = logarithmic_ ? 1 : std::max(1e-12, std::abs(high) * 0.01);
  const double room = std::max(0.0, least - (high - low)) / 2 + kRoom * std::max(high - low, least);
  Scale scale{low - room, high + room, {}};
  if (!logarithmic_) {
    for (const double t : report::round_ticks(scale.low, scale.high))
      scale.ticks.emplace_back(t, number_of(std::abs(t) < 1e-9 * (scale.high - scale.low) ? 0 : t));
    return scale;
  }
  const double every = std::max(1.0, std::ceil((scale.high - scale.low) / 5));
  for (double power = std::ceil(scale.low / every) * every; power <= scale.high; power += every)
    scale.ticks.emplace_back(power, text("1e", static_cast<std::int64_t>(power)));
  return scale;
}

double Chart::px(std::size_t column) const {
  const double share = (static_cast<double>(column) + 0.5) / static_cast<double>(columns_.count);
  return kLeft + share * (kWidth - kLeft - kRight);
}

double Chart::py(const Scale& scale, double value) const {
  const double v = logarithmic_ ? std::log10(value) : value;
  return kHeight - kBottom - (v - scale.low) / (scale.high - scale.low) * (kHeight - kTop - kBottom);
}

std::string Chart::frame(const Scale& scale) const {
  std::string out = label(2, 15, "start", "title", title_);
  for (const auto& [value, what] : scale.ticks) {
    const double y = kHeight - kBottom - (value - scale.low) / (scale.high - scale.low) * (kHeight - kTop - kBottom);
    out += text("<line class=\"grid\" x1=\"", n(kLeft), "\" x2=\"", n(kWidth - kRight), "\" y1=\"", n(y), "\" y2=\"", n(y),
                "\"/>\n");
    out += label(kLeft - 5, y + 3.5, "end", "tick", what);
  }
  const std::size_t last = columns_.count - 1;
  std::vector<std::size_t> shown{0};
  if (last > 1) shown.push_back(last / 2);
  if (last > 0) shown.push_back(last);
  for (const std::size_t column : shown) {
    const std::string step = text(columns_.first(column));
    const double half = 3.1 * static_cast<double>(step.size());  // of its width, about
    out += label(std::min(px(column), kWidth - half - 1), kHeight - kBottom + 14, "middle", "tick", step);
  }
  out += label((kLeft + kWidth - kRight) / 2, kHeight - 5, "middle", "axis", "step");
  return out + text("<rect class=\"frame\" x=\"", n(kLeft), "\" y=\"", n(kTop), "\" width=\"", n(kWidth - kLeft - kRight),
                    "\" height=\"", n(kHeight - kTop - kBottom), "\"/>\n");
}

// Columns first .. last - 1, none of them a gap.
std::string Chart::piece(const Scale& scale, const Drawn& d, std::size_t first, std::size_t last) const {
  std::string points;
  for (std::size_t c = first; c < last; ++c) points += text(c > first ? " " : "", n(px(c)), ",", n(py(scale, d.high[c])));
  if (d.is_band) {
    for (std::size_t c = last; c-- > first;) points += text(" ", n(px(c)), ",", n(py(scale, d.low[c])));
    const bool is_thin = last - first == 1;  // a polygon of one column has no area
    return text("<polygon class=\"band fill ", d.colour, is_thin ? " thin" : "", "\" points=\"", points, "\"/>\n");
  }
  std::string out = text("<polyline class=\"line ", d.colour, "\" stroke-width=\"1.6\"",
                         d.dashed ? " stroke-dasharray=\"4 3\"" : "", " points=\"", points, "\"/>\n");
  if (last - first == 1 || columns_.count <= 24) {
    for (std::size_t c = first; c < last; ++c)
      out +=
          text("<circle class=\"fill ", d.colour, "\" cx=\"", n(px(c)), "\" cy=\"", n(py(scale, d.high[c])), "\" r=\"2\"/>\n");
  }
  return out;
}

std::string Chart::drawn(const Scale& scale, const Drawn& d) const {
  std::string out;
  std::size_t first = 0;
  const std::size_t count = std::min({d.low.size(), d.high.size(), columns_.count});
  for (std::size_t c = 0; c <= count; ++c) {
    if (c < count && is_shown(d.low[c]) && is_shown(d.high[c])) continue;
    if (c > first) out += piece(scale, d, first, c);
    first = c + 1;
  }
  return out;
}

std::string Chart::svg() const {
  const std::optional<Scale> scale = this->scale();
  if (!scale || columns_.count == 0) return {};
  const auto value = [&](double v) { return number_of(logarithmic_ ? std::pow(10.0, v) : v); };
  std::string out = text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", n(kWidth), " ", n(kHeight),
                         "\" role=\"img\" aria-label=\"", escaped(about_), "; the axis goes from ", value(scale->low), " to ",
                         value(scale->high), "\">\n", frame(*scale));
  for (const Drawn& d : content_) out += drawn(*scale, d);
  return out + "</svg>\n";
}

int rho_level(const RhoCell& cell) {
  if (cell.records == 0) return -1;
  if (cell.compared == 0) return 0;
  if (cell.above > 0 || !(cell.worst <= 1)) return 6;
  constexpr std::array<double, 4> kSteps{0.01, 0.05, 0.2, 0.5};
  int level = 1;
  for (const double step : kSteps) level += cell.worst > step ? 1 : 0;
  return level;
}

std::string rho_level_name(int level) {
  constexpr std::array<const char*, kRhoLevels> kNames{
      "recorded, not compared", "at most 0.01", "at most 0.05", "at most 0.2", "at most 0.5", "at most 1", "above 1"};
  return level < 0 || level >= kRhoLevels ? std::string("no record") : std::string(kNames[static_cast<std::size_t>(level)]);
}

std::string rho_strip(const std::vector<RhoCell>& cells, const std::string& about) {
  std::array<std::string, kRhoLevels> paths;
  std::string crosses;
  for (std::size_t first = 0; first < cells.size();) {
    const int level = rho_level(cells[first]);
    std::size_t last = first + 1;
    while (last < cells.size() && rho_level(cells[last]) == level) ++last;
    if (level >= 0) {
      const bool above = level == kRhoLevels - 1;
      paths[static_cast<std::size_t>(level)] +=
          text("M", first, above ? " 0h" : " 2h", last - first, above ? "v10h-" : "v6h-", last - first, "z");
      for (std::size_t c = first; above && c < last; ++c) crosses += text("M", c, " 0l1 10M", c + 1, " 0l-1 10");
    }
    first = last;
  }
  std::string out = text("<svg class=\"strip\" viewBox=\"0 0 ", cells.size(),
                         " 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"", escaped(about), "\">");
  for (std::size_t level = 0; level < paths.size(); ++level) {
    if (!paths[level].empty()) out += text("<path class=\"r", level, "\" d=\"", paths[level], "\"/>");
  }
  if (!crosses.empty()) out += text("<path class=\"cross\" d=\"", crosses, "\"/>");
  return out + "</svg>";
}

}  // namespace vitrine::audit
