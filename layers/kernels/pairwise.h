// The fixed tree in which partial sums are joined: neighbours of equal size first, in index order.
//
// Pushing s0, s1, s2, ... keeps one partial sum per power of two; the leftovers are joined from the last to the first. The shape
// depends on the number of sums alone, so neither threads nor vector widths can change a result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace vitrine {

// Consecutive terms that one float32 accumulator takes (docs/design.md, section 5).
inline constexpr std::int64_t kDotChunk =
    128;                                      // of a dot product over channels; chunk sums are joined in index order in float32
inline constexpr std::int64_t kChunk = 1024;  // of a long sum over pixels; chunk sums are joined by the tree in float64

// float sums are joined in double; other number types in themselves.
template <class T>
using SumOf = std::conditional_t<std::is_same_v<T, float>, double, T>;

template <class T>
class PairwiseSum {
 public:
  void push(const T& value) {
    T carry = value;
    std::size_t level = 0;
    for (std::uint64_t n = count_; n & 1; n >>= 1) carry = levels_[level++] + carry;
    if (level == levels_.size()) levels_.emplace_back();
    levels_[level] = carry;
    ++count_;
  }
  T sum() const {  // 0 when nothing was pushed
    T total{};
    bool any = false;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      if (((count_ >> level) & 1) == 0) continue;
      total = any ? levels_[level] + total : levels_[level];
      any = true;
    }
    return total;
  }

 private:
  std::vector<T> levels_;
  std::uint64_t count_ = 0;
};

}  // namespace vitrine
