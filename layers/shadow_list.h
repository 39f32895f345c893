// The ops that have shadows, one line each: layers/<op>_bound.cpp or layers/blocks/<op>_bound.cpp defines what is declared here.
#pragma once

#include <optional>

#include "layers/shadow.h"

namespace vitrine {

struct OpShadows {
  std::string_view name;  // of the node
  std::vector<Shadow> (*forward)(const SeenOp& op);
  std::vector<Shadow> (*backward)(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients);
};

extern const OpShadows add_shadows;
extern const OpShadows average_pool2d_shadows;
extern const OpShadows batch_norm_shadows;
extern const OpShadows conv2d_shadows;
extern const OpShadows cross_entropy_shadows;
extern const OpShadows depthwise_conv2d_shadows;
extern const OpShadows drop_connect_shadows;
extern const OpShadows dropout_shadows;
extern const OpShadows fused_gate_shadows;
extern const OpShadows fused_mbconv_shadows;
extern const OpShadows fused_norm_shadows;
extern const OpShadows global_average_pool_shadows;
extern const OpShadows global_max_pool_shadows;
extern const OpShadows linear_shadows;
extern const OpShadows log_softmax_shadows;
extern const OpShadows max_pool2d_shadows;
extern const OpShadows mean_squared_error_shadows;
extern const OpShadows multiply_shadows;
extern const OpShadows reshape_shadows;
extern const OpShadows scale_channels_shadows;
extern const OpShadows sigmoid_shadows;
extern const OpShadows softmax_shadows;
// Functions of one value, each under its own name.
std::span<const OpShadows> unary_shadows();

}  // namespace vitrine
