#include "report/svg.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"

namespace vitrine::report {
namespace {

constexpr double kLeft = 46, kRight = 12, kTop = 26, kBottom = 38;

std::string n(double v) { return fixed(v, 1); }

std::string label(double x, double y, const char* anchor, double size, const std::string& what, const char* extra = "") {
  return text("<text x=\"", n(x), "\" y=\"", n(y), "\" text-anchor=\"", anchor, "\" font-size=\"", n(size), "\" fill=\"#333\"",
              extra, ">", escaped(what), "</text>\n");
}

}  // namespace

Plot::Plot(double width, double height, Axis x, Axis y, std::string title)
    : width_(width), height_(height), x_(std::move(x)), y_(std::move(y)), title_(std::move(title)) {}

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
  content_ += text("<polyline points=\"", points(x, y), "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"",
                   n(thickness), "\" stroke-opacity=\"", fixed(opacity, 2), "\"", dashed ? " stroke-dasharray=\"4 3\"" : "",
                   " stroke-linejoin=\"round\"/>\n");
}

void Plot::band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high,
                const std::string& colour) {
  if (x.empty()) return;
  const std::vector<double> back(x.rbegin(), x.rend()), under(low.rbegin(), low.rend());
  content_ += text("<polygon points=\"", points(x, high), " ", points(back, under), "\" fill=\"", colour,
                   "\" fill-opacity=\"0.15\"/>\n");
}

void Plot::dot(double x, double y, const std::string& colour) {
  content_ += text("<circle cx=\"", n(px(x)), "\" cy=\"", n(py(std::clamp(y, y_.low, y_.high))), "\" r=\"2.6\" fill=\"", colour,
                   "\"/>\n");
}

void Plot::vertical(double x, const std::string& colour) {
  content_ += text("<line x1=\"", n(px(x)), "\" x2=\"", n(px(x)), "\" y1=\"", n(py(y_.low)), "\" y2=\"", n(py(y_.high)),
                   "\" stroke=\"", colour, "\" stroke-dasharray=\"2 3\"/>\n");
}

void Plot::note(double x, double y, const std::string& what) { content_ += label(px(x), py(y), "start", 11, what); }

std::string Plot::frame() const {
  std::string out = label(kLeft, 16, "start", 13, title_, " font-weight=\"600\"");
  for (const double t : x_.ticks) {
    out += text("<line x1=\"", n(px(t)), "\" x2=\"", n(px(t)), "\" y1=\"", n(py(y_.low)), "\" y2=\"", n(py(y_.high)),
                "\" stroke=\"#eceef1\"/>\n");
    out += label(px(t), height_ - kBottom + 15, "middle", 10.5, fixed(t, x_.digits));
  }
  for (const double t : y_.ticks) {
    out += text("<line x1=\"", n(px(x_.low)), "\" x2=\"", n(px(x_.high)), "\" y1=\"", n(py(t)), "\" y2=\"", n(py(t)),
                "\" stroke=\"#eceef1\"/>\n");
    out += label(kLeft - 6, py(t) + 3.5, "end", 10.5, fixed(t, y_.digits));
  }
  out += label((kLeft + width_ - kRight) / 2, height_ - 6, "middle", 11, x_.label);
  const double middle = (kTop + height_ - kBottom) / 2;
  out += label(13, middle, "middle", 11, y_.label, text(" transform=\"rotate(-90 13 ", n(middle), ")\"").c_str());
  out += text("<rect x=\"", n(kLeft), "\" y=\"", n(kTop), "\" width=\"", n(width_ - kLeft - kRight), "\" height=\"",
              n(height_ - kTop - kBottom), "\" fill=\"none\" stroke=\"#b9bec7\"/>\n");
  return out;
}

std::string Plot::svg() const {
  return text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", n(width_), " ", n(height_), "\" width=\"", n(width_),
              "\" height=\"", n(height_), "\" role=\"img\" aria-label=\"", escaped(title_), "\">\n", frame(), content_,
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
