// Images between the two orders of axes.
#include "tensor/image_layout.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/error.h"

namespace vitrine::testing {
namespace {

// Every value says where it is.
Tensor numbered(const Shape& shape,
                const std::function<std::int64_t(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& at) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      for (std::int64_t k = 0; k < shape[2]; ++k) {
        for (std::int64_t l = 0; l < shape[3]; ++l) values.push_back(static_cast<float>(at(i, j, k, l)));
      }
    }
  }
  return Tensor::from(shape, values);
}

std::vector<float> values_of(const Tensor& t) { return {t.host().begin(), t.host().end()}; }

TEST(ImageLayout, ChannelsMoveToTheEndAndBack) {
  const auto place = [](std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    return ((n * 10 + c) * 10 + h) * 10 + w;
  };
  const Tensor torch = numbered({2, 5, 3, 4}, place);
  const Tensor ours = numbered({2, 3, 4, 5}, [&](auto n, auto h, auto w, auto c) { return place(n, c, h, w); });
  EXPECT_EQ(channels_last(torch).shape(), ours.shape());
  EXPECT_EQ(values_of(channels_last(torch)), values_of(ours));
  EXPECT_EQ(channels_first(ours).shape(), torch.shape());
  EXPECT_EQ(values_of(channels_first(ours)), values_of(torch));
}

TEST(ImageLayout, OtherRanksAreRefused) {
  EXPECT_THROW(channels_last(Tensor::zeros({3, 4, 5})), ShapeError);
  EXPECT_THROW(channels_first(Tensor::zeros({3, 4, 5})), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
