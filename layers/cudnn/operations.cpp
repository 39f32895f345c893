#include "layers/cudnn/operations.h"

namespace vitrine::cuda::cudnn {
namespace {

std::int64_t id_of(std::size_t tensor) { return static_cast<std::int64_t>(tensor) + 1; }

Descriptor tensor_of(const Description& d, std::size_t i) {
  const Extent& extent = d.tensors[i].extent;
  const bool is_virtual = d.tensors[i].is_virtual;
  Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR, d.what);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, d.tensors[i].type == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, extent.sizes)
      .set(CUDNN_ATTR_TENSOR_STRIDES, extent.strides)
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, std::vector<std::int64_t>{id_of(i)})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::vector<std::int64_t>{kAlignment})
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual)
      .finish();
  return t;
}

struct Names {  // of the attributes of one convolution
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t alpha, beta, convolution, first, second, output;
};

Names names_of(Kind kind) {
  if (kind == Kind::convolution) {
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
  }
  if (kind == Kind::data_gradient) {
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX};
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW};
}

Descriptor convolution_of(const Step& s, const std::vector<Descriptor>& tensors, const std::string& what) {
  Descriptor window(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, what);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::vector<std::int64_t> before{s.padding.top, s.padding.left}, after{s.padding.bottom, s.padding.right};
  window.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::vector<std::int64_t>{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, before)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, after)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {s.stride, s.stride})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1})
      .finish();
  const Names n = names_of(s.kind);
  Descriptor operation(n.type, what);
  operation.set(n.convolution, window)
      .set(n.first, tensors[s.inputs[0]])
      .set(n.second, tensors[s.inputs[1]])
      .set(n.output, tensors[s.output]);
  // Factors of the type that is computed in: of a double cuDNN's kernels read the first half, which is 0 for 1.0.
  operation.set(n.alpha, 1.0f).set(n.beta, 0.0f).finish();
  return operation;
}

Descriptor product_of(const Step& s, const std::vector<Descriptor>& tensors, const std::string& what) {
  Descriptor how(CUDNN_BACKEND_MATMUL_DESCRIPTOR, what);
  how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finish();
  Descriptor operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, what);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how)
      .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, tensors[s.inputs[0]])
      .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, tensors[s.inputs[1]])
      .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, tensors[s.output])
      .finish();
  return operation;
}

cudnnPointwiseMode_t mode_of(Pointwise function) {
  switch (function) {
    case Pointwise::add: return CUDNN_POINTWISE_ADD;
    case Pointwise::subtract: return CUDNN_POINTWISE_SUB;
    case Pointwise::multiply: return CUDNN_POINTWISE_MUL;
    case Pointwise::swish: return CUDNN_POINTWISE_SWISH_FWD;
    case Pointwise::swish_gradient: return CUDNN_POINTWISE_SWISH_BWD;
    case Pointwise::sigmoid: break;
  }
  return CUDNN_POINTWISE_SIGMOID_FWD;
}

Descriptor pointwise_of(const Step& s, const std::vector<Descriptor>& tensors, const std::string& what) {
  Descriptor how(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, what);
  const cudnnPointwiseMode_t mode = mode_of(s.function);
  how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (s.function == Pointwise::swish || s.function == Pointwise::swish_gradient) how.set(CUDNN_ATTR_POINTWISE_SWISH_BETA, 1.0);
  how.finish();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, what);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors[s.inputs[0]]);
  if (s.function == Pointwise::swish_gradient) {
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, tensors[s.inputs[1]])
        .set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, tensors[s.output]);
  } else {
    if (s.inputs.size() > 1) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensors[s.inputs[1]]);
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors[s.output]);
  }
  operation.finish();
  return operation;
}

Descriptor reduction_of(const Step& s, const std::vector<Descriptor>& tensors, const std::string& what) {
  Descriptor how(CUDNN_BACKEND_REDUCTION_DESCRIPTOR, what);
  const cudnnReduceTensorOp_t sums = CUDNN_REDUCE_TENSOR_ADD;  // means are not supported
  how.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &sums)
      .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .finish();
  Descriptor operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, what);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, tensors[s.inputs[0]])
      .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, tensors[s.output])
      .finish();
  return operation;
}

}  // namespace

std::vector<Descriptor> operations_of(const Description& description) {
  std::vector<Descriptor> tensors, operations;
  for (std::size_t i = 0; i < description.tensors.size(); ++i) tensors.push_back(tensor_of(description, i));
  for (const Step& step : description.steps) {
    const auto make = step.kind == Kind::product     ? product_of
                      : step.kind == Kind::pointwise ? pointwise_of
                      : step.kind == Kind::reduction ? reduction_of
                                                     : convolution_of;
    operations.push_back(make(step, tensors, description.what));
  }
  return operations;
}

std::vector<std::int64_t> ids_of(const Description& description) {
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < description.tensors.size(); ++i) {
    if (!description.tensors[i].is_virtual) ids.push_back(id_of(i));
  }
  return ids;
}

}  // namespace vitrine::cuda::cudnn
