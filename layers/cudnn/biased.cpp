#include "layers/cudnn/biased.h"

#include "base/error.h"
#include "layers/cudnn/convolution.h"
#include "layers/cudnn/squeeze_excitation.h"

namespace vitrine::cuda::cudnn {
namespace {

// What `sum` becomes, in the last tensor in memory.
void end(Description& d, Ending ending, std::size_t sum, std::size_t bias, const Extent& extent) {
  if (ending == Ending::none) return d.pointwise(Pointwise::add, {sum, bias}, d.memory(extent));
  const std::size_t biased = d.between(extent);
  d.pointwise(Pointwise::add, {sum, bias}, biased);
  if (ending == Ending::residual) {
    const std::size_t skip = d.memory(extent);
    return d.pointwise(Pointwise::add, {biased, skip}, d.memory(extent));
  }
  d.pointwise(ending == Ending::swish ? Pointwise::swish : Pointwise::sigmoid, {biased}, d.memory(extent));
}

const char* text_of(Ending ending) {
  switch (ending) {
    case Ending::none: return "";
    case Ending::swish: return " swish";
    case Ending::sigmoid: return " sigmoid";
    case Ending::residual: break;
  }
  return " residual";
}

}  // namespace

Description biased_convolution(const ConvShape& s, bool depthwise, Ending ending) {
  Description d{text("biased", text_of(ending), " ", convolution(s, depthwise).what), {}, {}};
  const std::size_t x = d.memory(image(s.N, s.H, s.W, s.C)), w = d.memory(image(s.K, s.R, s.S, depthwise ? 1 : s.C));
  const std::size_t b = d.memory(image(1, 1, 1, s.K));
  const Extent extent = image(s.N, s.P, s.Q, s.K);
  const std::size_t sum = d.between(extent);
  d.convolve(Kind::convolution, x, w, sum, s.stride, s.padding);
  end(d, ending, sum, b, extent);
  return d;
}

Description biased_linear(std::int64_t rows, std::int64_t C, std::int64_t K, Ending ending, WeightOrder order) {
  const bool is_by_output = order == WeightOrder::by_output;
  Description d{text("biased", text_of(ending), " ", linear(rows, C, K).what, is_by_output ? " by output" : ""), {}, {}};
  const std::size_t x = d.memory(matrix(rows, C)), w = d.memory(is_by_output ? transposed(C, K) : matrix(C, K));
  const std::size_t b = d.memory(matrix(1, K));
  const std::size_t sum = d.between(matrix(rows, K));
  d.product(x, w, sum);
  end(d, ending, sum, b, matrix(rows, K));
  return d;
}

}  // namespace vitrine::cuda::cudnn
