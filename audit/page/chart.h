// The small drawings of the page: figures over the columns of a run's steps, and one row of the map of rho. The same bytes for the same numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/report_data.h"

namespace vitrine::audit {

// Lines and bands over steps, as wide as a phone. A value that is not finite, or on a logarithmic axis not above 0, is a gap.
class Chart {
 public:
  // `about`: what a screen reader says of it, before the range of its values.
  Chart(std::string title, std::string about, const StepColumns& columns, bool logarithmic = false);

  void line(const std::vector<double>& y, const char* colour, bool dashed = false);  // "blue", "vermilion", "green", "grey"
  void band(const std::vector<double>& low, const std::vector<double>& high, const char* colour);
  std::string svg() const;  // empty where there is nothing to draw

 private:
  struct Drawn {
    std::vector<double> low, high;  // of a line the same
    std::string colour;
    bool is_band = false, dashed = false;
  };
  struct Scale {
    double low = 0, high = 1;
    std::vector<std::pair<double, std::string>> ticks;
  };
  bool is_shown(double value) const;
  std::optional<Scale> scale() const;
  double px(std::size_t column) const;
  double py(const Scale& scale, double value) const;
  std::string frame(const Scale& scale) const;
  std::string drawn(const Scale& scale, const Drawn& what) const;
  std::string piece(const Scale& scale, const Drawn& what, std::size_t first, std::size_t last) const;

  std::string title_, about_;
  StepColumns columns_;
  bool logarithmic_;
  std::vector<Drawn> content_;
};

// One op's worst rho, a cell a column: its level by shade, one above its bound taller and crossed.
std::string rho_strip(const std::vector<RhoCell>& cells, const std::string& about);
inline constexpr int kRhoLevels = 7;
int rho_level(const RhoCell& cell);     // -1: no record; 0: none compared; 1..5: at most 0.01, 0.05, 0.2, 0.5, 1; 6: above 1
std::string rho_level_name(int level);  // "at most 0.05"

std::string rho_text(double rho);                                        // three decimals; "NaN" where it is not finite
std::string number_of(double value);                                     // four digits: "0.001234", "1.2e-9"
std::string steps_text(const StepColumns& columns, std::size_t column);  // "7", "12 to 23"

}  // namespace vitrine::audit
