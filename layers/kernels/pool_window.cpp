#include "layers/kernels/pool_window.h"

#include "base/error.h"

namespace vitrine {

ConvShape pool_shape(std::string_view op, const Shape& x, const PoolOptions& options) {
  const std::int64_t window = options.window, stride = options.stride == 0 ? window : options.stride, pad = options.padding;
  if (window < 1 || window > kLargestWindow || stride < 1 || pad < 0 || pad > window / 2)
    throw UsageError(text(op, ": window ", window, ", stride ", options.stride, ", padding ", pad, "; the window is 1 to ",
                          kLargestWindow, ", the stride not negative, the padding 0 to half of the window"));
  const auto refuse = [&] {
    return ShapeError(text(op, ": x is ", x.text(), ", expected [N, H, W, C] with room for a window of ", window, " x ", window,
                           " with padding ", pad));
  };
  if (x.rank() != 4) throw refuse();
  const ConvShape s{x[0],
                    x[1],
                    x[2],
                    x[3],
                    window,
                    window,
                    x[3],
                    output_size(x[1], pad, pad, window, stride),
                    output_size(x[2], pad, pad, window, stride),
                    stride,
                    {pad, pad, pad, pad}};
  if (s.N < 1 || s.H < 1 || s.W < 1 || s.C < 1 || s.P < 1 || s.Q < 1) throw refuse();
  return s;
}

}  // namespace vitrine
