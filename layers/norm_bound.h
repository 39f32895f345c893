// Shadows of a batch normalisation: its constants from the values that it normalises, values and gradients from its constants. Shared by
// batch_norm and the fused ops.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "layers/bounded.h"

namespace vitrine {

struct ChannelMoments {
  Bounded mean, variance;
};

// Sums over rows of a gradient g by the normalised values and of g h, in float64.
struct ChannelSums {
  Bounded g, gh;
};

// The constants [4, C] that a node saved, and the arithmetic of layers/kernels/norm_cpu.h.
struct SeenNorm {
  Values constants;
  std::int64_t C = 0;

  SeenNorm() = default;
  explicit SeenNorm(const Tensor& saved) : constants(saved), C(saved.shape()[1]) {}

  Bounded scale(std::int64_t c) const { return constants.exact(3 * C + c); }
  Bounded centred(Bounded x, std::int64_t c) const { return minus(minus(x, constants.exact(c)), constants.exact(C + c)); }
  Bounded standard(Bounded x, std::int64_t c) const { return times(centred(x, c), constants.exact(2 * C + c)); }
  Bounded value(Bounded x, std::int64_t c, Bounded beta) const { return fused(centred(x, c), scale(c), beta); }
  // By x, from the means of g and of g h over all rows.
  Bounded gradient(Bounded x, std::int64_t c, Bounded g, Bounded mean_g, Bounded mean_gh) const {
    return times(scale(c), fused(negative(standard(x, c)), mean_gh, minus(g, mean_g)));
  }
};

// How a kernel sums: squared distances from the mean that it found first, or squares beside the values, cut into segments of so many rows.
struct OnePass {
  std::int64_t rows_of_segment = 0;  // 0: two passes
};

// A value of each channel, made when an element of that channel first asks for it: an audit looks at few elements of a tensor, and a channel's
// sum costs all of its rows.
template <class T>
class ByChannel {
 public:
  ByChannel(std::int64_t channels, std::function<T(std::int64_t)> make) : state_(std::make_shared<State>(channels)) {
    state_->make = std::move(make);
  }
  const T& operator[](std::int64_t c) const {
    T& value = state_->values[static_cast<std::size_t>(c)];
    std::call_once(state_->once[static_cast<std::size_t>(c)], [&] { value = state_->make(c); });
    return value;
  }

 private:
  struct State {
    explicit State(std::int64_t channels)
        : values(static_cast<std::size_t>(channels)), once(std::make_unique<std::once_flag[]>(values.size())) {}
    std::vector<T> values;
    std::unique_ptr<std::once_flag[]> once;
    std::function<T(std::int64_t)> make;
  };
  std::shared_ptr<State> state_;
};

// Of columns of `rows` values, at(row, channel). In two passes, whichever the kernel takes.
template <class At>
ByChannel<ChannelMoments> channel_moments(std::int64_t rows, std::int64_t C, OnePass kernel, At at) {
  return {C, [=](std::int64_t c) {
            WideSum sum, squares;
            for (std::int64_t r = 0; r < rows; ++r) sum.add(at(r, c));
            const auto count = static_cast<double>(rows);
            const Bounded mean = sum.result(count);
            for (std::int64_t r = 0; r < rows; ++r) squares.add((at(r, c) - mean.value) * (at(r, c) - mean.value));
            Bounded variance = squares.result(count);
            variance.bound += 8 * kWideRoundoff * variance.value + mean.bound * mean.bound;
            if (kernel.rows_of_segment > 0) {  // layers/blocks/batch_statistics.h
              const std::int64_t n = std::min(rows, kernel.rows_of_segment), segments = (rows + n - 1) / n;
              variance.bound +=
                  static_cast<double>(n + segments + 4) * kWideRoundoff * (variance.value + mean.value * mean.value);
            }
            return ChannelMoments{mean, variance};
          }};
}

// at(row, channel): the value that was normalised; g(row, channel): the gradient by its normalised value.
template <class At, class G>
ByChannel<ChannelSums> channel_sums(std::int64_t rows, const SeenNorm& norm, At at, G g) {
  return {norm.C, [=](std::int64_t c) {
            WideSum sum, sum_h;
            for (std::int64_t r = 0; r < rows; ++r) {
              const Bounded gradient = g(r, c);
              sum.add(gradient);
              sum_h.add_product(gradient, norm.standard(exactly(at(r, c)), c));
            }
            return ChannelSums{sum.result(), sum_h.result()};
          }};
}

// The float32 mean of a wide sum over rows.
inline Bounded mean_of(Bounded sum, std::int64_t rows) {
  const auto count = static_cast<double>(rows);
  return rounded({sum.value / count, sum.bound / count});
}

// Constants [4, C]: mean as high and low part, 1 / sqrt(v + eps), gamma / sqrt(v + eps), each rounded once; low from the high that was computed.
Shadow norm_constants_shadow(std::string of, const Tensor& constants, const Values& gamma, double eps, std::int64_t rows,
                             const ByChannel<ChannelMoments>& moments);

// dgamma and dbeta, where they are wanted.
void add_norm_gradients(std::vector<Shadow>& all, const std::string& suffix, const Tensor& gamma, const Tensor& beta,
                        std::int64_t rows, const ByChannel<ChannelSums>& sums);

}  // namespace vitrine
