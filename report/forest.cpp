// Forest plot: figures with their intervals, one below the other.
#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/section.h"

namespace vitrine::report {
namespace {

constexpr double kWidth = 360, kLeft = 8, kRight = 12, kRow = 34, kTop = 10, kBottom = 34;

std::string n(double v) { return fixed(v, 1); }
double px(double value) { return kLeft + std::clamp(value, 0.0, 1.0) * (kWidth - kLeft - kRight); }

std::string said(double x, double y, const char* anchor, const char* kind, const std::string& what) {
  return text("<text class=\"", kind, "\" x=\"", n(x), "\" y=\"", n(y), "\" text-anchor=\"", anchor, "\">", escaped(what),
              "</text>\n");
}

std::string straight(const char* kind, double x1, double y1, double x2, double y2, const char* more = "") {
  return text("<line class=\"", kind, "\" x1=\"", n(x1), "\" x2=\"", n(x2), "\" y1=\"", n(y1), "\" y2=\"", n(y2), "\"", more,
              "/>\n");
}

}  // namespace

std::string forest_figure(const std::vector<ControlRow>& rows, const std::string& about) {
  const double bottom = kTop + kRow * static_cast<double>(rows.size());
  std::string out = text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", n(kWidth), " ", n(bottom + kBottom),
                         "\" role=\"img\" aria-label=\"", escaped(about), "\">\n");
  for (int tick = 0; tick <= 10; tick += 2) {
    out += straight("grid", px(tick / 10.0), kTop, px(tick / 10.0), bottom);
    out += said(px(tick / 10.0), bottom + 14, "middle", "tick", fixed(tick / 10.0, 1));
  }
  out += straight("grey", px(0.5), kTop, px(0.5), bottom, " stroke-dasharray=\"2 3\"");
  if (!rows.empty() && rows.front().auc)
    out += straight("blue", px(*rows.front().auc), kTop, px(*rows.front().auc), bottom, " stroke-dasharray=\"4 3\"");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ControlRow& r = rows[i];
    const double y = kTop + kRow * static_cast<double>(i);
    out += said(kLeft, y + 13, "start", "say", printable(r.name, 34));
    out += said(kWidth - kRight, y + 13, "end", "tick",
                r.auc ? text(fixed(*r.auc, 2), " (", interval_text(r.low, r.high), ")") : std::string("n/a"));
    const char* colour = i == 0 ? "blue" : "green";
    if (r.low && r.high) out += straight(colour, px(*r.low), y + 22, px(*r.high), y + 22, " stroke-width=\"2\"");
    if (r.auc)
      out += text("<circle class=\"fill ", colour, "\" cx=\"", n(px(*r.auc)), "\" cy=\"", n(y + 22), "\" r=\"3.6\"/>\n");
  }
  return out + said(px(0.5), bottom + 29, "middle", "axis", "ROC AUC by subject, validation") + "</svg>\n";
}

}  // namespace vitrine::report
