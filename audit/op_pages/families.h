// The worked examples, one function for each op, a file for each family.
#pragma once

#include "audit/op_pages/example.h"

namespace vitrine::op_pages {

Example function_example(std::string_view op, Scale scale);  // of layers/unary_list.h, and sigmoid; UsageError for others
std::vector<std::string> function_examples();

Example conv2d_example(Scale scale);
Example depthwise_conv2d_example(Scale scale);
Example linear_example(Scale scale);

Example average_pool2d_example(Scale scale);
Example max_pool2d_example(Scale scale);
Example global_average_pool_example(Scale scale);
Example global_max_pool_example(Scale scale);

Example batch_norm_example(Scale scale);
Example fused_norm_example(Scale scale);

Example softmax_example(Scale scale);
Example log_softmax_example(Scale scale);
Example cross_entropy_example(Scale scale);
Example mean_squared_error_example(Scale scale);

Example add_example(Scale scale);
Example multiply_example(Scale scale);
Example scale_channels_example(Scale scale);
Example dropout_example(Scale scale);
Example drop_connect_example(Scale scale);
Example reshape_example(Scale scale);

Example fused_gate_example(Scale scale);
Example fused_mbconv_example(Scale scale);

}  // namespace vitrine::op_pages
