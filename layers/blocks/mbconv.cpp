#include "layers/blocks/mbconv.h"

#include "layers/add.h"
#include "layers/blocks/conv_norm_fused.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/drop_connect.h"

namespace vitrine {
Variable MBConv::projection(const Variable& x, const Pass& pass) {
  if (pass.fuses() && fits_fused_mbconv(*this, x.shape())) return fused_mbconv(*this, x, pass);
  const Variable e = expand ? expand->forward(x, pass) : x;
  const Variable d = depthwise.forward(e, pass);
  return project.convolve(se ? se->forward(d, pass) : d, pass);
}

Variable MBConv::forward(const Variable& x, const Pass& pass) {
  const Variable z = projection(x, pass);
  const double drop_rate = pass.mode == Mode::train ? drop_connect : 0;
  if (pass.fuses()) {
    return residual ? fused_norm(project.norm, z, project.activation, pass, Residual{x, drop_rate, index})
                    : fused_norm(project.norm, z, project.activation, pass);
  }
  const Variable p = activate(project.norm.forward(z, pass), project.activation);
  if (!residual) return p;
  return add(x, drop_rate > 0 ? vitrine::drop_connect(p, drop_rate, pass.key, index) : p);
}

}  // namespace vitrine
