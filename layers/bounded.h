// Arithmetic of shadows: a value in float64 with a bound on how far float32 arithmetic in a stated order may be from it.
//
// Model      fl(z) = z (1 + d) with |d| <= u = 2^-24; where z is below the smallest normal number, |fl(z) - z| <= 2^-150 (sums are exact there).
//            A bound that came in with an operand is carried on to first order and as products of bounds: none is left out
// Chains     A float32 accumulator s_k = fl(s_(k-1) + x_k w_k) is bounded by its partial sums, e_k = e_(k-1) + u (|s_k| + e_(k-1)): Higham, Accuracy and
//            Stability of Numerical Algorithms, 2nd ed., sec. 3.3. Never above gamma_n sum |x_k w_k|, for random signs smaller by about sqrt(n)
// Wide sums  sums of n terms in float64, in any order and by any tree: n 2^-53 sum |terms|; taken twice, for the kernel's and for the shadow's own
// Slack      the shadow's own rounding, some units of 2^-53 of each result, is in u (1 + 2^-20)
// Overflow   Where a partial sum may leave float32 the bound is infinite: an infinity, and the NaN that it makes, are then legal
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "layers/kernels/pairwise.h"
#include "layers/shadow.h"

namespace vitrine {

inline constexpr double kRounding = kUnitRoundoff * (1 + 0x1p-20);
inline constexpr double kUnderflow = 0x1p-150;
inline constexpr double kWideRoundoff = 0x1p-53;
inline constexpr double kLargestFloat = static_cast<double>(std::numeric_limits<float>::max());

inline Bounded exactly(double value) { return {value, 0}; }

// Rounded to float32; `least` is 0 for sums and differences.
inline Bounded rounded(Bounded z, double least = kUnderflow) {
  const double most = std::abs(z.value) + z.bound;
  if (most > kLargestFloat) return {z.value, std::numeric_limits<double>::infinity()};
  return {z.value, z.bound + kRounding * most + least};
}

// Of real numbers: nothing is rounded yet.
inline Bounded sum_of(Bounded a, Bounded b) { return {a.value + b.value, a.bound + b.bound}; }
inline Bounded product_of(Bounded a, Bounded b) {
  if (a.bound == 0 && b.bound == 0) return {a.value * b.value, 0};
  return {a.value * b.value, std::abs(a.value) * b.bound + std::abs(b.value) * a.bound + a.bound * b.bound};
}
inline Bounded negative(Bounded a) { return {-a.value, a.bound}; }

// One float32 operation each.
inline Bounded plus(Bounded a, Bounded b) { return rounded(sum_of(a, b), 0); }
inline Bounded minus(Bounded a, Bounded b) { return plus(a, negative(b)); }
inline Bounded times(Bounded a, Bounded b) { return rounded(product_of(a, b)); }
inline Bounded fused(Bounded a, Bounded b, Bounded c) {
  const Bounded product = product_of(a, b);  // its last place in float64 is not the result's where they cancel
  Bounded z = sum_of(product, c);
  z.bound += kWideRoundoff * std::abs(product.value);
  return rounded(z);
}
inline Bounded quotient_of(Bounded a, Bounded b) {
  const double least = std::abs(b.value) - b.bound, value = a.value / b.value;
  if (a.bound == 0 && b.bound == 0) return {value, 0};
  return {value, least > 0 ? (a.bound + std::abs(value) * b.bound) / least : std::numeric_limits<double>::infinity()};
}
inline Bounded over(Bounded a, Bounded b) { return rounded(quotient_of(a, b)); }
// A factor of one changes no bits.
inline Bounded scaled(Bounded a, double factor) { return factor == 1 ? a : times(a, exactly(factor)); }

// What is compared: a value that is no number has to be met, one whose float32 may have overflowed has not.
inline Bounded finished(Bounded z) {
  if (!std::isfinite(z.value)) return {z.value, 0};
  if (std::isnan(z.bound)) z.bound = std::numeric_limits<double>::infinity();
  return z;
}

// A float32 accumulator from zero on.
class Chain {
 public:
  void add_product(double x, double w) { step(x * w, 0); }
  void add_product(Bounded x, Bounded w) {
    const Bounded z = product_of(x, w);
    step(z.value, z.bound);
  }
  void add(Bounded x) {  // no product, so that nothing is rounded but the sum; the first is only copied
    if (count_++ == 0) {
      sum_ = x;
      most_ = std::abs(x.value) + x.bound;
      return;
    }
    move(x.value, x.bound, 0);
  }
  std::int64_t count() const { return count_; }
  Bounded result() const { return most_ > kLargestFloat ? Bounded{sum_.value, std::numeric_limits<double>::infinity()} : sum_; }

 private:
  void step(double product, double bound) {
    ++count_;
    move(product, bound, kUnderflow);
  }
  void move(double value, double bound, double least) {
    sum_.value += value;
    sum_.bound += bound;
    const double most = std::abs(sum_.value) + sum_.bound;
    most_ = std::max(most_, most);
    sum_.bound += kRounding * most + least;
  }

  Bounded sum_;
  double most_ = 0;
  std::int64_t count_ = 0;
};

// A dot product over an index of which some terms may be missing: a new accumulator every `chunk` indices, joined in index order in float32.
class Dot {
 public:
  explicit Dot(std::int64_t chunk = kDotChunk) : chunk_(chunk), end_(chunk) {}
  template <class T>
  void add(std::int64_t index, T x, T w) {
    while (index >= end_) close();
    now_.add_product(x, w);
  }
  Bounded result() {
    close();
    return total_.result();
  }

 private:
  void close() {
    if (now_.count() > 0) total_.add(now_.result());
    now_ = {};
    end_ += chunk_;
  }

  std::int64_t chunk_, end_;
  Chain now_, total_;
};

// A sum in float64.
class WideSum {
 public:
  void add(double term) {
    sum_ += term;
    size_ += std::abs(term);
    ++count_;
  }
  void add(Bounded term) {
    add(term.value);
    bound_ += term.bound;
    size_ += term.bound;
  }
  void add_product(double x, double w) { add(x * w); }
  void add_product(Bounded x, Bounded w) { add(product_of(x, w)); }
  std::int64_t count() const { return count_; }
  // Divided by `divisor`, in float64.
  Bounded result(double divisor = 1) const {
    const double rounding = 2 * static_cast<double>(count_ + 2) * kWideRoundoff * size_;
    return {sum_ / divisor, (bound_ + rounding) / std::abs(divisor)};
  }

 private:
  double sum_ = 0, bound_ = 0, size_ = 0;
  std::int64_t count_ = 0;
};

// A long sum: a new float32 accumulator every `chunk` indices, joined in float64.
class LongSum {
 public:
  explicit LongSum(std::int64_t chunk = kChunk) : chunk_(chunk), end_(chunk) {}
  template <class T>
  void add_product(std::int64_t index, T x, T w) {
    while (index >= end_) close();
    now_.add_product(x, w);
  }
  void add(std::int64_t index, Bounded x) {
    while (index >= end_) close();
    now_.add(x);
  }
  // The chunk ends here whatever its length; for sums that are not cut by index.
  void close() {
    if (now_.count() > 0) total_.add(now_.result());
    now_ = {};
    end_ += chunk_;
  }
  std::int64_t in_chunk() const { return now_.count(); }
  Bounded wide() {
    close();
    return total_.result();
  }
  Bounded result() { return rounded(wide()); }

 private:
  std::int64_t chunk_, end_;
  Chain now_;
  WideSum total_;
};

// A float32 tensor that a shadow keeps and reads.
struct Values {
  Tensor kept;
  const float* at = nullptr;

  Values() = default;
  explicit Values(const Tensor& tensor) : kept(tensor), at(tensor.defined() ? tensor.data() : nullptr) {}
  bool defined() const { return at != nullptr; }
  double operator[](std::int64_t i) const { return static_cast<double>(at[i]); }
  Bounded exact(std::int64_t i) const { return {static_cast<double>(at[i]), 0}; }
};

// Something that several elements share, made when one of them first asks for it.
template <class T>
class Lazy {
 public:
  explicit Lazy(std::function<T()> make) : state_(std::make_shared<State>()) { state_->make = std::move(make); }
  const T& get() const {
    std::call_once(state_->once, [this] {
      state_->value = state_->make();
      state_->make = nullptr;
    });
    return state_->value;
  }

 private:
  struct State {
    std::once_flag once;
    std::function<T()> make;
    T value;
  };
  std::shared_ptr<State> state_;
};

// A shadow of every element of `computed`.
Shadow shadow_of(std::string of, const Tensor& computed, std::int64_t terms, std::function<Bounded(std::int64_t)> at);

}  // namespace vitrine
