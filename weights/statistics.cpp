#include "weights/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "weights/element_stream.h"

namespace vitrine {
namespace {

// Calls visit(value) for every element in index order; one piece is in memory at a time.
template <class Visit>
void each_value(const StoredTensor& tensor, const Visit& visit) {
  ElementStream stream(tensor);
  std::vector<double> values;
  for (std::string_view piece = stream.next(); !piece.empty(); piece = stream.next()) {
    values.resize(piece.size() / dtype_bytes(tensor.type));
    decode<double>(tensor.type, piece, values);
    for (const double v : values) visit(v);
  }
}

}  // namespace

TensorStatistics statistics_of(const StoredTensor& tensor) {
  TensorStatistics s{.count = tensor.shape.elements()};
  bool first = true;
  double sum = 0, squares = 0;
  each_value(tensor, [&](double v) {
    if (!std::isfinite(v)) {
      ++s.non_finite;
      return;
    }
    s.min = first ? v : std::min(s.min, v);
    s.max = first ? v : std::max(s.max, v);
    s.zeros += v == 0 ? 1 : 0;
    sum += v;
    first = false;
  });
  const std::int64_t finite = s.count - s.non_finite;
  if (finite == 0) return s;
  s.mean = sum / static_cast<double>(finite);
  each_value(tensor, [&](double v) { squares += std::isfinite(v) ? (v - s.mean) * (v - s.mean) : 0; });
  s.sd = std::sqrt(squares / static_cast<double>(finite));
  return s;
}

double largest_difference(const StoredTensor& a, const StoredTensor& b) {
  ElementStream left(a), right(b);
  std::vector<double> x, y;
  double largest = 0;
  for (std::string_view p = left.next(), q = right.next(); !p.empty() && !q.empty(); p = left.next(), q = right.next()) {
    x.resize(p.size() / dtype_bytes(a.type));
    y.resize(q.size() / dtype_bytes(b.type));
    decode<double>(a.type, p, x);
    decode<double>(b.type, q, y);
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
      const double d = std::abs(x[i] - y[i]);
      largest = std::isnan(d) ? HUGE_VAL : std::max(largest, d);
    }
  }
  return largest;
}

}  // namespace vitrine
