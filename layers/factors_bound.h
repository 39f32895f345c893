// The shadow of values that are multiplied by drawn factors: dropout and drop connect, forward and backward.
#pragma once

#include <string>
#include <utility>

#include "layers/bounded.h"

namespace vitrine {

// computed = from * factors, a factor to as many elements as there are for each; rounded once.
inline Shadow scaled_by_factors(std::string of, const Tensor& computed, const Tensor& from, const Tensor& factors) {
  const std::int64_t size = from.size() / factors.size();  // elements to a factor
  return shadow_of(std::move(of), computed, 1, [x = Values(from), m = Values(factors), size](std::int64_t i) {
    return times(x.exact(i), m.exact(i / size));
  });
}

}  // namespace vitrine
