#include "layers/blocks/squeeze_excitation.h"

#include "layers/blocks/squeeze_excitation_fused.h"
#include "layers/global_average_pool.h"
#include "layers/linear.h"
#include "layers/scale_channels.h"
#include "layers/sigmoid.h"
#include "layers/swish.h"

namespace vitrine {

Variable SqueezeExcitation::gate(const Variable& z, const Pass& pass) const {
  if (pass.fuses() && fits_fused_gate(*this)) return fused_gate(*this, z, pass);
  const Variable h = swish(linear(z, pass.parameter(reduce_weight), pass.parameter(reduce_bias)));  // eq. (3), inner
  return sigmoid(linear(h, pass.parameter(expand_weight), pass.parameter(expand_bias)));            // eq. (3), outer
}

Variable SqueezeExcitation::forward(const Variable& x, const Pass& pass) const {
  return scale_channels(x, gate(global_average_pool(x), pass));  // eq. (2), (4)
}

}  // namespace vitrine
