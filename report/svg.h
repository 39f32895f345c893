// A small SVG writer: axes, lines, bands, text. The same bytes for the same numbers.
#pragma once

#include <string>
#include <vector>

namespace vitrine::report {

// Colours that colour-blind people can tell apart (Okabe, Ito 2008, Color Universal Design). In the report its style has the class of the same
// name instead, in shades for light, dark and paper.
inline constexpr const char* kBlue = "#0072b2";
inline constexpr const char* kVermilion = "#d55e00";
inline constexpr const char* kGreen = "#009e73";
inline constexpr const char* kGrey = "#8a8f98";
std::string colour_class(const std::string& colour);  // "blue" of kBlue; empty for another colour

// A plot with one pair of axes; data coordinates run from low to high on both.
class Plot {
 public:
  struct Axis {
    double low = 0, high = 1;
    std::vector<double> ticks;
    int digits = 1;  // decimals of the tick labels
    std::string label;
  };

  // `about` is what a screen reader says of the drawing.
  Plot(double width, double height, Axis x, Axis y, std::string title, std::string about = {});

  void line(const std::vector<double>& x, const std::vector<double>& y, const std::string& colour, double thickness,
            double opacity, bool dashed = false);
  void band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high,
            const std::string& colour);
  void dot(double x, double y, const std::string& colour, double radius = 2.6);
  void vertical(double x, const std::string& colour);
  void note(double x, double y, const std::string& text);  // in data coordinates, left-aligned

  std::string svg() const;  // one <svg> element
  // The points of a line as they stand in the drawing: a table of the figure's numbers gives the same text.
  std::string points(const std::vector<double>& x, const std::vector<double>& y) const;

 private:
  double px(double x) const;
  double py(double y) const;
  std::string frame() const;

  double width_, height_;
  Axis x_, y_;
  std::string title_, about_, content_;
};

// About five round numbers that cover low..high.
std::vector<double> round_ticks(double low, double high);

}  // namespace vitrine::report
