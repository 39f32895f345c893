// Curves and bars made of characters: Braille and blocks, or plain ASCII.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vitrine {

struct Canvas {
  std::size_t columns = 20, rows = 4;
  bool utf8 = true;  // Braille, 2 x 4 dots a character; else ' . :, 1 x 2
};

// Lines of exactly canvas.columns columns, the first on top. The first value stands at the left edge, the last at the right one; with more
// values than dots each column shows the range of those that fall into it. Values that are not finite are left out.
std::vector<std::string> curve(const std::vector<double>& values, const Canvas& canvas);

// One line, a character a value or, when there are more of them than columns, for the mean of neighbours.
std::string sparkline(const std::vector<double>& values, std::size_t columns, bool utf8);

// A line of `columns` columns of which `fraction` is filled.
std::string bar(double fraction, std::size_t columns, bool utf8);

}  // namespace vitrine
