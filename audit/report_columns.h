// What the page of an audit (audit/page/) shows over the steps of a run is gathered in columns: memory does not grow with the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace vitrine::audit {

// The steps 0 .. steps - 1 in at most kMostColumns columns of `width` steps each; the last one may have fewer.
struct StepColumns {
  static constexpr std::uint64_t kMostColumns = 96;

  explicit StepColumns(std::uint64_t steps = 0)
      : steps(steps),
        width(steps <= kMostColumns ? 1 : (steps + kMostColumns - 1) / kMostColumns),
        count((steps + width - 1) / width) {}

  std::uint64_t steps, width;
  std::size_t count;

  std::size_t of(std::uint64_t step) const { return static_cast<std::size_t>(step / width); }
  std::uint64_t first(std::size_t column) const { return column * width; }
  std::uint64_t last(std::size_t column) const { return (column + 1) * width > steps ? steps - 1 : (column + 1) * width - 1; }
};

// Counts of numbers >= 0 in bins as wide as 1/64 of their power of two: the median of any number of them to within 1 %.
class Sketch {
 public:
  void add(double value);  // a NaN counts as the largest
  std::uint64_t count() const { return count_; }
  double median() const;  // element number count / 2 in ascending order; 0 of none

 private:
  std::map<std::int64_t, std::uint64_t> bins_;
  std::uint64_t count_ = 0;
};

}  // namespace vitrine::audit
