#include "data/permutation.h"

#include <numeric>
#include <utility>

namespace vitrine {

std::vector<int> permutation(const Draw& draw, int n) {
  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) {
    const std::uint32_t j = draw.below(static_cast<std::uint32_t>(n - 1 - i), static_cast<std::uint32_t>(i) + 1);
    std::swap(order[static_cast<std::size_t>(i)], order[j]);
  }
  return order;
}

}  // namespace vitrine
