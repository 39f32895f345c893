#include "report/svg.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"

namespace vitrine::report {
namespace {

constexpr double kLeft = 46, kRight = 12, kTop = 26, kBottom = 38;

std::string n(double v) { return fixed(v, 1); }

// Attributes are for a drawing that stands alone; a page's style overrides them by class.
std::string label(double x, double y, const char* anchor, const char* kind, double size, const std::string& what,
                  const char* extra = "") {
  return text("<text class=\"", kind, "\" x=\"", n(x), "\" y=\"", n(y), "\" text-anchor=\"", anchor, "\" font-size=\"", n(size),
              "\" fill=\"#333\"", extra, ">", escaped(what), "</text>\n");
}

std::string straight(const std::string& kind, const std::string& colour, double x1, double y1, double x2, double y2,
                     const char* extra = "") {
  return text("<line class=\"", kind, "\" x1=\"", n(x1), "\" x2=\"", n(x2), "\" y1=\"", n(y1), "\" y2=\"", n(y2),
              "\" stroke=\"", colour, "\"", extra, "/>\n");
}

}  // namespace

std::string colour_class(const std::string& colour) {
  constexpr std::pair<const char*, const char*> kClasses[] = {
      {kBlue, "blue"}, {kVermilion, "vermilion"}, {kGreen, "green"}, {kGrey, "grey"}};
  for (const auto& [known, name] : kClasses) {
    if (colour == known) return name;
  }
  return {};
}

Plot::Plot(double width, double height, Axis x, Axis y, std::string title, std::string about)
    : width_(width),
      height_(height),
      x_(std::move(x)),
      y_(std::move(y)),
      title_(std::move(title)),
      about_(about.empty() ? title_ : std::move(about)) {}

double Plot::px(double x) const { return kLeft + (x - x_.low) / (x_.high - x_.low) * (width_ - kLeft - kRight); }
double Plot::py(double y) const { return height_ - kBottom - (y - y_.low) / (y_.high - y_.low) * (height_ - kTop - kBottom); }

std::string Plot::points(const std::vector<double>& x, const std::vector<double>& y) const {
  std::string out;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    out += text(i > 0 ? " " : "", n(px(x[i])), ",", n(py(std::clamp(y[i], y_.low, y_.high))));
  }
  return out;
}

void Plot::line(const std::vector<double>& x, const std::vector<double>& y, const std::string& colour, double thickness,
                double opacity, bool dashed) {
  if (x.empty()) return;
  content_ += text("<polyline class=\"line ", colour_class(colour), "\" points=\"", points(x, y), "\" fill=\"none\" stroke=\"",
                   colour, "\" stroke-width=\"", n(thickness), "\" stroke-opacity=\"", fixed(opacity, 2), "\"",
                   dashed ? " stroke-dasharray=\"4 3\"" : "", " stroke-linejoin=\"round\"/>\n");
}

void Plot::band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high,
                const std::string& colour) {
  if (x.empty()) return;
  const std::vector<double> back(x.rbegin(), x.rend()), under(low.rbegin(), low.rend());
  content_ += text("<polygon class=\"band fill ", colour_class(colour), "\" points=\"", points(x, high), " ",
                   points(back, under), "\" fill=\"", colour, "\" fill-opacity=\"0.15\"/>\n");
}

void Plot::dot(double x, double y, const std::string& colour, double radius) {
  content_ += text("<circle class=\"fill ", colour_class(colour), "\" fill=\"", colour, "\" cx=\"", n(px(x)), "\" cy=\"",
                   n(py(std::clamp(y, y_.low, y_.high))), "\" r=\"", n(radius), "\"/>\n");
}

void Plot::vertical(double x, const std::string& colour) {
  content_ += straight(colour_class(colour), colour, px(x), py(y_.low), px(x), py(y_.high), " stroke-dasharray=\"2 3\"");
}

void Plot::note(double x, double y, const std::string& what) { content_ += label(px(x), py(y), "start", "say", 11, what); }

std::string Plot::frame() const {
  std::string out = label(kLeft, 16, "start", "title", 13, title_, " font-weight=\"600\"");
  for (const double t : x_.ticks) {
    out += straight("grid", "#eceef1", px(t), py(y_.low), px(t), py(y_.high));
    out += label(px(t), height_ - kBottom + 15, "middle", "tick", 10.5, fixed(t, x_.digits));
  }
  for (const double t : y_.ticks) {
    out += straight("grid", "#eceef1", px(x_.low), py(t), px(x_.high), py(t));
    out += label(kLeft - 6, py(t) + 3.5, "end", "tick", 10.5, fixed(t, y_.digits));
  }
  out += label((kLeft + width_ - kRight) / 2, height_ - 6, "middle", "axis", 11, x_.label);
  const double middle = (kTop + height_ - kBottom) / 2;
  out += label(13, middle, "middle", "axis", 11, y_.label, text(" transform=\"rotate(-90 13 ", n(middle), ")\"").c_str());
  out += text("<rect class=\"frame\" fill=\"none\" stroke=\"#b9bec7\" x=\"", n(kLeft), "\" y=\"", n(kTop), "\" width=\"",
              n(width_ - kLeft - kRight), "\" height=\"", n(height_ - kTop - kBottom), "\"/>\n");
  return out;
}

std::string Plot::svg() const {
  return text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", n(width_), " ", n(height_), "\" width=\"", n(width_),
              "\" height=\"", n(height_), "\" role=\"img\" aria-label=\"", escaped(about_), "\">\n", frame(), content_,
              "</svg>\n");
}

std::vector<double> round_ticks(double low, double high) {
  const double raw = (high - low) / 5;
  if (!(raw > 0)) return {low};
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double share = raw / power;
  const double step = power * (share > 5 ? 10 : share > 2 ? 5 : share > 1 ? 2 : 1);
  std::vector<double> ticks;
  for (double t = std::ceil(low / step - 1e-9) * step; t <= high + step * 1e-9; t += step) ticks.push_back(t);
  return ticks;
}

}  // namespace vitrine::report
