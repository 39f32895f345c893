#include "layers/dropout.h"

#include <algorithm>

#include "base/error.h"
#include "layers/dropout_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase drop_case(std::int64_t n, std::int64_t size, double rate) {
  const DropKey key{.seed = 3, .epoch = 2, .first_sample = 16};
  const auto applied = [=]<class T>(const std::vector<T>& x) {
    std::vector<T> y(x.size());
    reference::dropout_apply<T>(n, size, x, reference::dropout_factors(n, size, rate, key, 1), y);
    return y;
  };
  OpCase c = op_case(
      text("n", n, "_size", size), {Shape{n, size}}, [=]<class T>(const Arrays<T>& in) { return applied(in[0]); },
      [=]<class T>(const Arrays<T>&, const std::vector<T>& dy) { return Arrays<T>{applied(dy)}; },
      [=](std::span<const Variable> in) { return dropout(in[0], rate, key, 1); });
  c.same_bits_as_float_reference = true;
  return c;
}

VITRINE_OP_TESTS(dropout, (std::vector<OpCase>{drop_case(1, 1, 0.5), drop_case(3, 17, 0.2), drop_case(40, 300, 0.3)}));

TEST(Dropout, KeepsTheMeanAndTheStatedShare) {
  const std::vector<float> factors = reference::dropout_factors(20, 1000, 0.2, {.seed = 9}, 4);
  const auto dropped = std::count(factors.begin(), factors.end(), 0.0f);
  // 20,000 draws at rate 0.2: the share has a standard deviation of 0.0028; five of them.
  EXPECT_NEAR(static_cast<double>(dropped) / static_cast<double>(factors.size()), 0.2, 0.0142);
  EXPECT_EQ(*std::max_element(factors.begin(), factors.end()), 1.25f);
}

TEST(Dropout, ASampleDropsTheSameInAnyBatch) {
  const DropKey whole{.seed = 1, .epoch = 3, .first_sample = 0}, rest{.seed = 1, .epoch = 3, .first_sample = 5};
  const std::vector<float> all = reference::dropout_factors(8, 11, 0.5, whole, 2),
                           last = reference::dropout_factors(3, 11, 0.5, rest, 2);
  EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - static_cast<std::ptrdiff_t>(last.size())));
}

TEST(Dropout, RefusesRatesOutOfRange) {
  EXPECT_THROW(dropout(Tensor::zeros({2, 3}), 1.0, {}, 0), UsageError);
  EXPECT_THROW(dropout(Tensor::zeros({2, 3}), -0.1, {}, 0), UsageError);
}

}  // namespace
}  // namespace vitrine::testing
