#include "nn/efficientnet/efficientnet.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/dropout.h"
#include "layers/global_average_pool.h"
#include "layers/linear.h"
#include "tensor/cuda/settings.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

constexpr std::uint32_t kDropoutOp = 1000;  // beyond any block index

ConvNorm conv_norm(const Shape& weight, std::int64_t stride, const Semantics& semantics, std::optional<Activation> activation) {
  ConvNorm unit;
  unit.weight.value = Tensor::zeros(weight);
  unit.norm = BatchNorm::identity(weight.back(), semantics.bn_eps, semantics.bn_momentum);
  unit.stride = stride;
  unit.depthwise = weight.rank() == 3;
  unit.padding = semantics.padding;
  unit.activation = activation;
  return unit;
}

MBConv block_of(const BlockSpec& spec, const Semantics& semantics, Activation activation, std::uint32_t index) {
  MBConv block;
  if (spec.expands()) block.expand = conv_norm({1, 1, spec.in, spec.middle}, 1, semantics, activation);
  block.depthwise = conv_norm({spec.kernel, spec.kernel, spec.middle}, spec.stride, semantics, activation);
  if (spec.squeeze > 0) {
    SqueezeExcitation se;
    se.reduce_weight.value = Tensor::zeros({spec.middle, spec.squeeze});
    se.reduce_bias.value = Tensor::zeros({spec.squeeze});
    se.expand_weight.value = Tensor::zeros({spec.squeeze, spec.middle});
    se.expand_bias.value = Tensor::zeros({spec.middle});
    block.se = std::move(se);
  }
  block.project = conv_norm({1, 1, spec.middle, spec.out}, 1, semantics, std::nullopt);
  block.residual = spec.residual();
  block.index = index;
  return block;
}

using Visitor = std::function<void(const NamedTensor&)>;

void visit_parameter(const Visitor& v, const std::string& name, TensorLayout layout, Parameter& p) {
  v({name, layout, &p.value, &p});
}

void visit_norm(const Visitor& v, const std::string& name, BatchNorm& norm) {
  visit_parameter(v, name + ".weight", TensorLayout::vector, norm.gamma);
  visit_parameter(v, name + ".bias", TensorLayout::vector, norm.beta);
  v({name + ".running_mean", TensorLayout::vector, &norm.running_mean, nullptr});
  v({name + ".running_var", TensorLayout::vector, &norm.running_var, nullptr});
}

void visit_unit(const Visitor& v, const std::string& conv, const std::string& norm, ConvNorm& unit) {
  visit_parameter(v, conv + ".weight", unit.depthwise ? TensorLayout::depthwise : TensorLayout::conv, unit.weight);
  visit_norm(v, norm, unit.norm);
}

void visit_se(const Visitor& v, const std::string& name, SqueezeExcitation& se) {
  visit_parameter(v, name + ".conv_reduce.weight", TensorLayout::pointwise, se.reduce_weight);
  visit_parameter(v, name + ".conv_reduce.bias", TensorLayout::vector, se.reduce_bias);
  visit_parameter(v, name + ".conv_expand.weight", TensorLayout::pointwise, se.expand_weight);
  visit_parameter(v, name + ".conv_expand.bias", TensorLayout::vector, se.expand_bias);
}

// timm calls the projection conv_pw where there is no expansion, and conv_pwl where conv_pw is the expansion.
void visit_block(const Visitor& v, const std::string& name, MBConv& block) {
  if (block.expand) visit_unit(v, name + ".conv_pw", name + ".bn1", *block.expand);
  visit_unit(v, name + ".conv_dw", name + (block.expand ? ".bn2" : ".bn1"), block.depthwise);
  if (block.se) visit_se(v, name + ".se", *block.se);
  visit_unit(v, name + (block.expand ? ".conv_pwl" : ".conv_pw"), name + (block.expand ? ".bn3" : ".bn2"), block.project);
}

std::string block_name(const BlockSpec& spec) { return text("blocks.", spec.stage, ".", spec.repeat); }

}  // namespace

EfficientNet::EfficientNet(Architecture architecture, const Semantics& s, std::int64_t class_count)
    : arch(std::move(architecture)), semantics(s), classes(class_count) {
  const Activation activation = arch.lite ? Activation::relu6 : Activation::swish;
  stem = conv_norm({3, 3, semantics.channels, arch.stem}, 2, semantics, activation);
  for (std::size_t i = 0; i < arch.blocks.size(); ++i) {
    blocks.push_back(block_of(arch.blocks[i], semantics, activation, static_cast<std::uint32_t>(i)));
  }
  head = conv_norm({1, 1, arch.blocks.back().out, arch.head}, 1, semantics, activation);
  fix_static_padding();
  set_head(arch.concat_pool);
}

void EfficientNet::set_head(bool concat_pool) {
  arch.concat_pool = concat_pool;
  concat_head.reset();
  if (concat_pool) concat_head.emplace(arch.head);
  classifier_weight.value = Tensor::zeros({features(), classes});
  classifier_bias.value = Tensor::zeros({classes});
}

// Each convolution pads for the map it would see at the native input size; strides halve that size, rounding up.
void EfficientNet::fix_static_padding() {
  if (semantics.padding != PaddingRule::same_static) return;
  std::int64_t size = semantics.static_size;
  const auto pass = [&size](ConvNorm& unit) {
    unit.static_size = size;
    size = (size + unit.stride - 1) / unit.stride;
  };
  pass(stem);
  for (MBConv& block : blocks) {
    if (block.expand) pass(*block.expand);
    pass(block.depthwise);
    pass(block.project);
  }
  pass(head);
}

void EfficientNet::set_drop_rates(double dropout_rate, double drop_connect_rate) {
  dropout = dropout_rate;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].drop_connect = drop_connect_rate * static_cast<double>(i) / static_cast<double>(blocks.size());
  }
}

void EfficientNet::set_bn_momentum(double momentum) {
  semantics.bn_momentum = momentum;
  stem.norm.momentum = head.norm.momentum = momentum;
  for (MBConv& block : blocks) {
    if (block.expand) block.expand->norm.momentum = momentum;
    block.depthwise.norm.momentum = block.project.norm.momentum = momentum;
  }
}

void EfficientNet::set_semantics(const Semantics& s) {
  if (s.channels != semantics.channels) throw InternalError("set_semantics cannot change the number of input channels");
  semantics = s;
  const auto set = [&s](ConvNorm& unit) {
    unit.padding = s.padding;
    unit.norm.eps = s.bn_eps;
    unit.norm.momentum = s.bn_momentum;
  };
  set(stem);
  set(head);
  for (MBConv& block : blocks) {
    if (block.expand) set(*block.expand);
    set(block.depthwise);
    set(block.project);
  }
  fix_static_padding();
}

void EfficientNet::initialize(std::uint64_t seed) {
  std::uint32_t op = 0;
  visit([&](const NamedTensor& t) {
    ++op;
    if (t.layout == TensorLayout::vector || t.layout == TensorLayout::linear) return;  // classifier and concat head follow
    const Shape& shape = t.value->shape();
    const bool spatial = t.layout == TensorLayout::conv || t.layout == TensorLayout::depthwise;
    const std::int64_t taps = spatial ? shape[0] * shape[1] : 1;
    const std::int64_t fan_out = t.layout == TensorLayout::depthwise ? taps : taps * shape.back();
    const double deviation = std::sqrt(2.0 / static_cast<double>(fan_out));
    const Draw draw{.seed = seed, .purpose = Purpose::init, .op = op};
    const auto values = t.value->mutable_host();
    parallel_for(t.value->size(), 1024, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        values[static_cast<std::size_t>(i)] = static_cast<float>(deviation * draw.normal(static_cast<std::uint32_t>(i)));
      }
    });
  });
  initialize_classifier(seed);
}

void EfficientNet::initialize_classifier(std::uint64_t seed) {
  if (concat_head) concat_head->initialize(seed);
  const double range = 1.0 / std::sqrt(static_cast<double>(features()));
  const Draw draw{.seed = seed, .purpose = Purpose::init, .op = 1u << 20};
  const auto values = classifier_weight.value.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(draw.uniform(static_cast<std::uint32_t>(i), -range, range));
  }
  classifier_bias.value = Tensor::zeros({classes});
}

std::string flaw_of_values(EfficientNet& net) {
  std::int64_t count = 0;
  std::string first;
  net.visit([&](const NamedTensor& t) {
    for (const float v : t.value->host()) {
      if (std::isfinite(v)) continue;
      if (count++ == 0) first = t.name;
    }
  });
  return count == 0 ? std::string() : text("holds ", count, " NaN or infinite values, the first in '", first, "'");
}

namespace {

// Whether the units from `first` on, x being the input of that one, have kernels for values in bfloat16. Ops compute in the type of their input, so
// it is here that a step's values become bfloat16, at a constant of the step; the pooling before the classifier makes float32 of them.
bool trains_in_bfloat16(const EfficientNet& net, int first, const Variable& x, const Pass& pass) {
  if (!x.tensor().device().is_cuda() || !cuda::keeps_bfloat16() || !pass.fuses() || x.tape() != nullptr) return false;
  Shape shape = x.shape();
  if (first == 0) {
    const Padding p = net.stem.padding_for(shape[1], shape[2]);
    const std::int64_t kernel = net.stem.weight.value.shape()[0], stride = net.stem.stride;
    shape = {shape[0], output_size(shape[1], p.top, p.bottom, kernel, stride),
             output_size(shape[2], p.left, p.right, kernel, stride), net.arch.stem};
  }
  for (std::size_t i = static_cast<std::size_t>(std::max(first - 1, 0)); i < net.blocks.size(); ++i) {
    if (!fits_fused_mbconv(net.blocks[i], shape)) return false;
    const kernels::MBConvShape s = kernels::fused_mbconv_shape(net.blocks[i], shape);
    shape = {shape[0], s.depthwise.P, s.depthwise.Q, s.out};
  }
  return true;
}

}  // namespace

void check_images(const Shape& shape, std::int64_t channels) {
  if (shape.rank() != 4 || shape[0] < 1 || shape[3] != channels || shape[1] < 32 || shape[2] < 32) {
    throw ShapeError(
        text("EfficientNet: images are ", shape.text(), ", expected [N, H, W, ", channels, "] with N >= 1 and H, W >= 32"));
  }
}

std::string EfficientNet::unit_name(int unit) const {
  if (unit == 0) return "stem";
  return unit + 1 == units() ? "head" : block_name(arch.blocks[static_cast<std::size_t>(unit - 1)]);
}

int EfficientNet::part_of_unit(int unit) const {
  if (unit == 0) return 0;
  return unit + 1 == units() ? 8 : 1 + arch.blocks[static_cast<std::size_t>(unit - 1)].stage;
}

Variable EfficientNet::run_unit(int unit, const Variable& x, const Pass& pass) {
  if (unit == 0) return stem.forward(x, pass);
  if (unit + 1 == units()) return head.forward(x, pass);
  try {
    return blocks[static_cast<std::size_t>(unit - 1)].forward(x, pass);
  } catch (Error& error) {
    error.in(unit_name(unit));
    throw;
  }
}

Variable EfficientNet::classify(const Variable& maps, const Pass& pass) {
  Variable x = concat_head ? concat_head->forward(maps, dropout, pass) : global_average_pool(maps);
  if (pass.mode == Mode::train && dropout > 0 && !concat_head) x = vitrine::dropout(x, dropout, pass.key, kDropoutOp);
  return linear(x, pass.parameter(classifier_weight), pass.parameter(classifier_bias));
}

Variable EfficientNet::forward(const Variable& images, const Pass& pass) {
  check_images(images.shape(), semantics.channels);
  const Pass as_evaluated{};  // no tape: frozen parts are constants of the step
  Variable x = images;
  bool is_frozen = true;
  for (int unit = 0; unit < units(); ++unit) {
    if (is_frozen && part_of_unit(unit) >= frozen_parts) {
      is_frozen = false;
      if (trains_in_bfloat16(*this, unit, x, pass)) x = Variable(x.tensor().in_bfloat16());
    }
    x = run_unit(unit, x, is_frozen ? as_evaluated : pass);
  }
  return classify(x, pass);
}

void EfficientNet::visit(const std::function<void(const NamedTensor&)>& v) {
  visit_unit(v, "conv_stem", "bn1", stem);
  for (std::size_t i = 0; i < blocks.size(); ++i) visit_block(v, block_name(arch.blocks[i]), blocks[i]);
  visit_unit(v, "conv_head", "bn2", head);
  if (concat_head) {
    visit_norm(v, "classifier.bn_max", concat_head->norm_max);
    visit_norm(v, "classifier.bn_mean", concat_head->norm_mean);
    visit_parameter(v, "classifier.hidden_max.weight", TensorLayout::linear, concat_head->weight_max);
    visit_parameter(v, "classifier.hidden_mean.weight", TensorLayout::linear, concat_head->weight_mean);
    visit_parameter(v, "classifier.hidden.bias", TensorLayout::vector, concat_head->bias);
    visit_norm(v, "classifier.bn_hidden", concat_head->norm_hidden);
  }
  visit_parameter(v, "classifier.weight", TensorLayout::linear, classifier_weight);
  visit_parameter(v, "classifier.bias", TensorLayout::vector, classifier_bias);
}

const std::vector<std::string>& network_parts() {
  static const std::vector<std::string> parts{"stem",   "stage0", "stage1", "stage2", "stage3",
                                              "stage4", "stage5", "stage6", "head",   "classifier"};
  return parts;
}

const std::string& part_of_tensor(const std::string& name) {
  const std::vector<std::string>& parts = network_parts();
  if (name.starts_with("conv_stem.") || name.starts_with("bn1.")) return parts[0];
  if (name.starts_with("blocks.") && name.size() > 7 && name[7] >= '0' && name[7] <= '6')
    return parts[1 + static_cast<std::size_t>(name[7] - '0')];
  if (name.starts_with("conv_head.") || name.starts_with("bn2.")) return parts[8];
  if (name.starts_with("classifier.")) return parts[9];
  throw InternalError(text("the tensor '", name, "' belongs to no part of an EfficientNet"));
}

bool is_norm_tensor(const std::string& name) { return name.starts_with("bn") || name.find(".bn") != std::string::npos; }

void EfficientNet::to(Device device) {
  visit([&](const NamedTensor& t) { *t.value = t.value->to(device); });
}

std::map<std::string, Shape> EfficientNet::parameter_shapes() {
  std::map<std::string, Shape> shapes;
  visit([&](const NamedTensor& t) {
    if (t.parameter != nullptr) shapes.emplace(t.name, t.value->shape());
  });
  return shapes;
}

std::int64_t EfficientNet::parameter_count() {
  std::int64_t count = 0;
  visit([&](const NamedTensor& t) { count += t.parameter != nullptr ? t.value->size() : 0; });
  return count;
}

}  // namespace vitrine
