#include "layers/squeeze_excitation.h"

#include "layers/global_average_pool.h"
#include "layers/linear.h"
#include "layers/scale_channels.h"
#include "layers/sigmoid.h"
#include "layers/swish.h"

namespace vitrine {

Variable SqueezeExcitation::forward(const Variable& x, const Pass& pass) const {
  const Variable z = global_average_pool(x);                                                          // eq. (2)
  const Variable h = swish(linear(z, pass.parameter(reduce_weight), pass.parameter(reduce_bias)));    // eq. (3), inner
  const Variable s = sigmoid(linear(h, pass.parameter(expand_weight), pass.parameter(expand_bias)));  // eq. (3), outer
  return scale_channels(x, s);                                                                        // eq. (4)
}

}  // namespace vitrine
