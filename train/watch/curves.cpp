#include "train/watch/curves.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace vitrine {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
  // Where a value of the range lies: 0 at its low end, 1 at its high one.
  double place(double value) const { return high > low ? (value - low) / (high - low) : 0.5; }
};

Range range_of(const std::vector<double>& values) {
  Range range;
  for (const double v : values) range.take(v);
  return range;
}

// What is seen in column x of `width`: the values that fall into it, and the line's own at its middle.
Range seen_in(const std::vector<double>& values, std::size_t x, std::size_t width) {
  Range range;
  const double step = width > 1 ? static_cast<double>(values.size() - 1) / static_cast<double>(width - 1) : 0;
  const double at = step * static_cast<double>(x);
  const auto below = std::min(static_cast<std::size_t>(at), values.size() - 1);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double part = at - static_cast<double>(below);
  range.take(part > 0 ? values[below] + part * (values[above] - values[below]) : values[below]);
  for (std::size_t i = static_cast<std::size_t>(std::ceil(std::max(0.0, at - step / 2))); i < values.size(); ++i) {
    if (static_cast<double>(i) >= at + step / 2) break;
    range.take(values[i]);
  }
  return range;
}

std::string utf8_of(char32_t point) {  // of three bytes
  return {static_cast<char>(0xe0 | (point >> 12)), static_cast<char>(0x80 | (point >> 6 & 0x3f)),
          static_cast<char>(0x80 | (point & 0x3f))};
}

// Dots in characters of `across` x `down`.
class Dots {
 public:
  explicit Dots(const Canvas& canvas)
      : canvas_(canvas), across_(canvas.utf8 ? 2 : 1), down_(canvas.utf8 ? 4 : 2), cells_(canvas.columns * canvas.rows) {}

  std::size_t width() const { return canvas_.columns * across_; }
  std::size_t height() const { return canvas_.rows * down_; }
  void set(std::size_t x, std::size_t y) {  // y from the top
    static constexpr std::uint8_t kBraille[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    std::uint8_t& cell = cells_[y / down_ * canvas_.columns + x / across_];
    cell |= canvas_.utf8 ? kBraille[y % 4][x % 2] : static_cast<std::uint8_t>(1 << y % 2);
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out(canvas_.rows);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      std::string& line = out[i / canvas_.columns];
      line += !canvas_.utf8 ? std::string(1, " '.:"[cells_[i]]) : cells_[i] == 0 ? " " : utf8_of(0x2800u + cells_[i]);
    }
    return out;
  }

 private:
  Canvas canvas_;
  std::size_t across_, down_;
  std::vector<std::uint8_t> cells_;
};

}  // namespace

std::vector<std::string> curve(const std::vector<double>& values, const Canvas& canvas) {
  Dots dots(canvas);
  const Range all = range_of(values);
  if (all.is_empty() || dots.width() == 0 || dots.height() == 0) return dots.lines();
  const auto row = [&](double value) {
    return static_cast<std::size_t>(std::lround((1 - all.place(value)) * static_cast<double>(dots.height() - 1)));
  };
  const std::size_t used = values.size() == 1 ? 1 : dots.width();
  bool joined = false;
  std::size_t before_top = 0, before_bottom = 0;
  for (std::size_t x = 0; x < used; ++x) {
    const Range here = seen_in(values, x, used);
    if (here.is_empty()) {
      joined = false;
      continue;
    }
    std::size_t top = row(here.high), bottom = row(here.low);
    const std::size_t own_top = top, own_bottom = bottom;
    if (joined && top > before_bottom + 1) top = before_bottom + 1;  // no gap to the column before
    if (joined && bottom + 1 < before_top) bottom = before_top - 1;
    for (std::size_t y = top; y <= bottom; ++y) dots.set(x, y);
    before_top = own_top;
    before_bottom = own_bottom;
    joined = true;
  }
  return dots.lines();
}

std::string sparkline(const std::vector<double>& values, std::size_t columns, bool utf8) {
  static constexpr char kAscii[] = "_.-=+*#@";
  std::vector<double> means;
  const std::size_t count = std::min(values.size(), columns);
  for (std::size_t x = 0; x < count; ++x) {
    const std::size_t begin = x * values.size() / count, end = (x + 1) * values.size() / count;
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += values[i];
    means.push_back(sum / static_cast<double>(end - begin));
  }
  const Range all = range_of(means);
  std::string out;
  for (const double mean : means) {
    const auto level = std::isfinite(mean) ? static_cast<char32_t>(std::lround(all.place(mean) * 7)) : 0;
    out += !std::isfinite(mean) ? " " : utf8 ? utf8_of(0x2581 + level) : std::string(1, kAscii[level]);
  }
  return out;
}

std::string bar(double fraction, std::size_t columns, bool utf8) {
  constexpr std::size_t kParts = 8;
  const double clamped = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0;
  std::string out;
  if (!utf8) {
    const auto full = static_cast<std::size_t>(std::floor(clamped * static_cast<double>(columns)));
    return std::string(full, '#') + std::string(columns - full, '.');
  }
  const auto eighths = static_cast<std::size_t>(std::floor(clamped * static_cast<double>(columns * kParts)));
  for (std::size_t x = 0; x < columns; ++x) {
    const std::size_t here = std::min(kParts, eighths > x * kParts ? eighths - x * kParts : 0);
    out += here == 0 ? utf8_of(0x2591) : utf8_of(0x2588 + static_cast<char32_t>(kParts - here));  // light shade; left blocks
  }
  return out;
}

}  // namespace vitrine
