// The sums of an op in EfficientNet-b0: how many terms, and how far rounding can take them.
#pragma once

#include <string_view>
#include <vector>

#include "audit/op_pages/page.h"

namespace vitrine::op_pages {

// The batch that the numbers are for: the study's.
inline constexpr int kImages = 16, kSide = 64;

// Of every layer of b0 in training that is this op; a paragraph where it has none, or where the op adds nothing.
std::vector<Block> sizes_of(std::string_view op);

}  // namespace vitrine::op_pages
