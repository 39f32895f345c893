// Sums of products as a table: each term, and the sum so far as the kernel's float32 accumulator holds it.
#pragma once

#include "audit/op_pages/example.h"

namespace vitrine::op_pages {

struct Term {
  std::string at;  // "r 0, s 1, c 0"
  double a = 0, b = 0;
  bool skipped = false;  // in the padding
};

// `a`, `b`: what the columns of both factors are called. `last`: what is added at the end; empty: nothing. Sums of less than a chunk of terms.
NumberTable product_table(const std::string& caption, const std::string& index, const std::string& a, const std::string& b,
                          const std::vector<Term>& terms, const std::string& last = "", double added = 0);

}  // namespace vitrine::op_pages
