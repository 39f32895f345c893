#include "audit/op_pages/order.h"

#include <algorithm>

#include "base/error.h"
#include "layers/conv2d_reference.h"
#include "layers/kernels/pairwise.h"
#include "layers/mean_squared_error.h"

namespace vitrine::op_pages {
namespace {

// 1,024
std::string thousands(std::int64_t n) {
  const std::string rest = n < 1000 ? text(n) : std::to_string(1000 + n % 1000).substr(1);
  return n < 1000 ? rest : text(thousands(n / 1000), ",", rest);
}

std::string range(const std::string& what, std::int64_t first, std::int64_t last) {
  return first == last ? text(what, " ", thousands(first)) : text(what, " ", thousands(first), " to ", thousands(last));
}

// A number that remembers how it was added up: one accumulator over consecutive terms, or a sum of two such numbers.
class Symbol {
 public:
  explicit Symbol(int /*zero*/ = 0) {}
  static Symbol term(std::int64_t index) {
    Symbol s;
    s.first_ = s.last_ = index, s.single_ = true;
    return s;
  }

  friend Symbol fma(const Symbol& a, const Symbol&, const Symbol& sum) { return sum + a; }
  friend Symbol operator+(const Symbol& a, const Symbol& b) {
    if (a.empty()) {
      Symbol chain = b;
      chain.single_ = false;
      return chain;
    }
    if (b.single_ && a.parts_.empty()) {
      Symbol chain = a;
      chain.last_ = b.last_;
      return chain;
    }
    Symbol join;
    join.parts_ = {a, b};
    return join;
  }

  // `chain`: how an accumulator takes its terms; `join`: how two sums are added.
  SumTree tree(const std::string& chain, const std::string& join) const {
    if (parts_.empty()) return {text(range("terms", first_, last_), chain), {}};
    SumTree node{join, {}};
    for (const Symbol& part : parts_) node.terms.push_back(part.tree(chain, join));
    return node;
  }

 private:
  bool empty() const { return parts_.empty() && first_ < 0; }

  std::int64_t first_ = -1, last_ = -1;
  bool single_ = false;
  std::vector<Symbol> parts_;
};

SumTree chain(std::int64_t terms, const std::string& of, const std::string& how) { return {range(of, 0, terms - 1) + how, {}}; }

SumTree in_order(const std::vector<SumTree>& leaves, const std::string& join) {
  SumTree sum = leaves.front();
  for (std::size_t i = 1; i < leaves.size(); ++i) sum = {join, {sum, leaves[i]}};
  return sum;
}

// Sixteen sums of every sixteenth term, joined in order (layers/kernels/interleaved_sum_cpu.h).
SumTree interleaved(std::int64_t terms) {
  std::vector<SumTree> sums;
  for (std::int64_t l = 0; l < std::min<std::int64_t>(16, terms); ++l) {
    std::string label = text("terms ", l);
    for (std::int64_t k = l + 16; k < terms; k += 16) label += text(", ", k);
    sums.push_back({label, {}});
  }
  return in_order(sums, "+ float64");
}

// Chunks that are `leaves`, joined by the pairwise tree of layers/kernels/pairwise.h.
SumTree tree_of_chunks(std::int64_t terms, std::int64_t chunk, const std::string& of, const std::string& how) {
  struct Joined {
    SumTree tree;
    Joined operator+(const Joined& other) const { return {{"+ float64", {tree, other.tree}}}; }
  };
  PairwiseSum<Joined> sum;
  for (std::int64_t first = 0; first < terms; first += chunk)
    sum.push({{range(of, first, std::min(first + chunk, terms) - 1) + how, {}}});
  return sum.sum().tree;
}

SumTree segments(std::int64_t rows, std::int64_t of_one, const std::string& how) {
  std::vector<SumTree> leaves;
  for (std::int64_t first = 0; first < rows; first += of_one)
    leaves.push_back({range("rows", first, std::min(first + of_one, rows) - 1) + how, {}});
  return in_order(leaves, "+ float64");
}

using Orders = std::vector<OrderOfSum>;

constexpr std::int64_t kDotTerms = 480, kLongTerms = 5000;

Orders product_orders(const char* forward, const char* backward) {
  return {{text(forward, ", here of ", kDotTerms, " terms: a float32 accumulator for each chunk of ", kDotChunk,
                ", their sums joined in index order"),
           order_of_dot_product(kDotTerms)},
          {text(backward, ", here of ", thousands(kLongTerms), " terms: a float32 accumulator for each chunk of ",
                thousands(kChunk), ", joined in float64 by the pairwise tree, rounded once"),
           order_of_long_sum(kLongTerms)}};
}

Orders fused_mbconv_orders() {
  return {{text("Pointwise products, here of ", kDotTerms, " terms: as conv2d"), order_of_dot_product(kDotTerms)},
          {"Taps of the depthwise convolution, here 3 x 3: one float32 accumulator", chain(9, "taps", ", fma")},
          {"Weight gradients, here of 400 rows: float32 sums of 128 rows, added in float64 in index order",
           segments(400, 128, ", float32")}};
}

}  // namespace

SumTree order_of_dot_product(std::int64_t terms) {
  reference::DotProduct<Symbol> dot;
  for (std::int64_t i = 0; i < terms; ++i) dot.add(i, Symbol::term(i), Symbol());
  return dot.sum().tree(", fma", "+ float32");
}

SumTree order_of_long_sum(std::int64_t terms) {
  reference::LongSum<Symbol> sum;
  for (std::int64_t i = 0; i < terms; ++i) sum.add(i, Symbol::term(i), Symbol());
  return sum.sum(terms).tree(", fma", "+ float64");
}

std::vector<OrderOfSum> orders_of(std::string_view op) {
  if (op == "conv2d" || op == "linear") return product_orders("y and dx", "dw and db");
  if (op == "fused_gate") return product_orders("a, b and the gradients by values", "Gradients by weights, over images");
  if (op == "fused_mbconv") return fused_mbconv_orders();
  if (op == "depthwise_conv2d")
    return {{"y and dx, here of a 5 x 5 window: one float32 accumulator", chain(25, "taps", ", fma")},
            {text("dw, here of ", thousands(kLongTerms), " pixels: chunks of ", thousands(kChunk),
                  ", joined in float64 by the pairwise tree, rounded once"),
             order_of_long_sum(kLongTerms)}};
  if (op == "average_pool2d")
    return {{"y, here of a 2 x 2 window: one float32 accumulator, divided last", chain(4, "taps", ", +")}};
  if (op == "max_pool2d") return {{"dx, here of a pixel in four windows: one float32 accumulator", chain(4, "windows", ", +")}};
  if (op == "global_average_pool")
    return {{"y, here of 49 pixels: one float64 accumulator, divided and rounded once", chain(49, "pixels", ", + float64")}};
  if (op == "scale_channels")
    return {{"ds, here of 196 pixels: one float64 accumulator, rounded once", chain(196, "pixels", ", + float64")}};
  if (op == "batch_norm")
    return {{text("Every sum over rows, here of ", thousands(kLongTerms), ": chunks of ", thousands(kChunk),
                  " in float64, joined by the pairwise tree"),
             tree_of_chunks(kLongTerms, kChunk, "rows", "")}};
  if (op == "fused_norm")
    return {{"Every sum over rows, here of 2,000: float64 sums of 512 rows, added in index order", segments(2000, 512, "")}};
  if (op == "softmax" || op == "log_softmax")
    return {{"Sums over a row, here of 40 terms: sixteen float64 sums, joined in order", interleaved(40)}};
  if (op == "cross_entropy")
    return {{"loss, here of 16 samples: one float64 accumulator, rounded once", chain(16, "samples", ", + float64")}};
  if (op == "mean_squared_error")
    return {{text("loss, here of ", thousands(kLongTerms), " terms: chunks of ", thousands(kernels::kErrorChunk),
                  ", each added as sixteen interleaved float64 sums, joined by the pairwise tree"),
             tree_of_chunks(kLongTerms, kernels::kErrorChunk, "terms", "")}};
  return {};
}

}  // namespace vitrine::op_pages
