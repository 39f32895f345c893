#include "audit/report_columns.h"

#include <bit>
#include <cmath>
#include <limits>

namespace vitrine::audit {
namespace {

constexpr int kDropped = 52 - 6;  // bits of the fraction that a bin does not know

}  // namespace

void Sketch::add(double value) {
  const double number = std::isnan(value) ? std::numeric_limits<double>::infinity() : value > 0 ? value : 0;
  ++bins_[std::bit_cast<std::int64_t>(number) >> kDropped];
  ++count_;
}

double Sketch::median() const {
  std::uint64_t before = 0;
  for (const auto& [bin, count] : bins_) {
    before += count;
    if (before <= count_ / 2) continue;
    if (bin == 0) return 0;
    const auto low = std::bit_cast<double>(bin << kDropped);
    return std::isinf(low) ? low : (low + std::bit_cast<double>((bin + 1) << kDropped)) / 2;
  }
  return 0;
}

}  // namespace vitrine::audit
