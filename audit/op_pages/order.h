// In which order an op adds, drawn from the code that adds: the reference's sums run over symbols instead of numbers.
#pragma once

#include <string_view>
#include <vector>

#include "audit/op_pages/page.h"

namespace vitrine::op_pages {

// Empty for an op without a sum of its own.
std::vector<OrderOfSum> orders_of(std::string_view op);

// Of so many terms. Dot products (chunks of 128, joined in index order) and long sums (chunks of 1,024, joined by the pairwise tree).
SumTree order_of_dot_product(std::int64_t terms);
SumTree order_of_long_sum(std::int64_t terms);

}  // namespace vitrine::op_pages
