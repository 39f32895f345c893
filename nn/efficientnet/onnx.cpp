#include "nn/efficientnet/onnx.h"

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "base/error.h"
#include "layers/kernels/window.h"
#include "nn/efficientnet/bn_folding.h"
#include "nn/efficientnet/checkpoint.h"
#include "weights/protobuf.h"

namespace vitrine {
namespace {

// Field numbers and constants of onnx.proto3.
constexpr std::int64_t kIrVersion = 8, kOpset = 17, kFloat = 1;
constexpr std::int64_t kAttributeFloat = 1, kAttributeInt = 2, kAttributeInts = 7;

ProtobufMessage attribute(std::string_view name, std::span<const std::int64_t> values) {
  ProtobufMessage a;
  a.string(1, name);
  a.integers(8, values);
  a.integer(20, kAttributeInts);
  return a;
}

ProtobufMessage attribute(std::string_view name, std::int64_t value) {
  ProtobufMessage a;
  a.string(1, name);
  a.integer(3, value);
  a.integer(20, kAttributeInt);
  return a;
}

ProtobufMessage attribute(std::string_view name, float value) {
  ProtobufMessage a;
  a.string(1, name);
  a.real(2, value);
  a.integer(20, kAttributeFloat);
  return a;
}

struct Dimension {
  std::int64_t size = 0;
  std::string name;  // of a free dimension
};

ProtobufMessage value_info(std::string_view name, const std::vector<Dimension>& dimensions) {
  ProtobufMessage shape, tensor, type, info;
  for (const Dimension& d : dimensions) {
    ProtobufMessage dimension;
    if (d.name.empty()) {
      dimension.integer(1, d.size);
    } else {
      dimension.string(2, d.name);
    }
    shape.message(1, dimension);
  }
  tensor.integer(1, kFloat);
  tensor.message(2, shape);
  type.message(1, tensor);
  info.string(1, name);
  info.message(2, type);
  return info;
}

// The weight with its output channels, the first axis in PyTorch's layout, scaled.
Tensor scaled(const Tensor& weight, const std::vector<double>& scale) {
  Tensor out = Tensor::uninitialized(weight.shape());
  const auto in = weight.host();
  const auto values = out.mutable_host();
  const std::size_t row = values.size() / scale.size();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(static_cast<double>(in[i]) * scale[i / row]);
  return out;
}

class GraphWriter {
 public:
  GraphWriter(EfficientNet& net, const OnnxOptions& options)
      : net_(net),
        fold_(options.fold),
        fixed_(net.trained_on.on_crops() && net.trained_on.height == net.trained_on.width && !options.any_size),
        size_(options.size > 0 ? options.size : net.semantics.input_size) {
    if (size_ < 32 || size_ > 8192) throw UsageError(text("--input-size is ", size_, "; choose 32 to 8192"));
  }

  std::string write() {
    add_images();
    std::string x = unit("images", "conv_stem", "bn1", net_.stem);
    for (std::size_t i = 0; i < net_.blocks.size(); ++i) {
      const BlockSpec& spec = net_.arch.blocks[i];
      x = block(x, text("blocks.", spec.stage, ".", spec.repeat), net_.blocks[i]);
    }
    x = unit(x, "conv_head", "bn2", net_.head);
    x = net_.concat_head ? concat_head(x, *net_.concat_head) : pooled(x, "GlobalAveragePool", "global_pool", "flatten");
    const std::string w = initializer("classifier.weight", to_torch_layout(net_.classifier_weight.value, TensorLayout::linear));
    const std::string b = initializer("classifier.bias", net_.classifier_bias.value);
    node("Gemm", "classifier", {x, w, b}, {attribute("transB", std::int64_t{1})}, "logits");
    graph_.message(12, value_info("logits", {{0, "N"}, {net_.classes, ""}}));
    return model().bytes();
  }

 private:
  std::string pooled(const std::string& x, const char* op, const std::string& pool, const std::string& flatten) {
    return node("Flatten", flatten, {node(op, pool, {x})}, {attribute("axis", std::int64_t{1})});
  }

  std::string normalised(const std::string& x, const std::string& name, const BatchNorm& norm) {
    return node("BatchNormalization", name,
                {x, initializer(name + ".weight", norm.gamma.value), initializer(name + ".bias", norm.beta.value),
                 initializer(name + ".running_mean", norm.running_mean), initializer(name + ".running_var", norm.running_var)},
                {attribute("epsilon", static_cast<float>(norm.eps))});
  }

  std::string concat_head(const std::string& x, const ConcatHead& head) {
    const auto linear = [&](const std::string& in, const std::string& name, const Parameter& weight) {
      const std::string w = initializer(name + ".weight", to_torch_layout(weight.value, TensorLayout::linear));
      return node("Gemm", name, {in, w}, {attribute("transB", std::int64_t{1})});
    };
    const std::string largest =
        normalised(pooled(x, "GlobalMaxPool", "max_pool", "flatten_max"), "classifier.bn_max", head.norm_max);
    const std::string mean =
        normalised(pooled(x, "GlobalAveragePool", "mean_pool", "flatten_mean"), "classifier.bn_mean", head.norm_mean);
    const std::string sum = node(
        "Add", "classifier.hidden",
        {linear(largest, "classifier.hidden_max", head.weight_max), linear(mean, "classifier.hidden_mean", head.weight_mean)});
    const std::string biased =
        node("Add", "classifier.hidden_bias", {sum, initializer("classifier.hidden.bias", head.bias.value)});
    return normalised(node("Relu", "classifier.relu", {biased}), "classifier.bn_hidden", head.norm_hidden);
  }

  void add_images() {
    graph_.string(2, "efficientnet_" + net_.arch.name);
    const bool fixed = net_.semantics.padding == PaddingRule::same || fixed_;
    const Dimension height = fixed ? Dimension{size_, ""} : Dimension{0, "H"};
    const Dimension width = fixed ? Dimension{size_, ""} : Dimension{0, "W"};
    graph_.message(11, value_info("images", {{0, "N"}, {net_.semantics.channels, ""}, height, width}));
  }

  std::string node(std::string_view op, const std::string& name, const std::vector<std::string>& inputs,
                   const std::vector<ProtobufMessage>& attributes = {}, std::string output = {}) {
    if (output.empty()) output = name + ".out";
    ProtobufMessage n;
    for (const std::string& input : inputs) n.string(1, input);
    n.string(2, output);
    n.string(3, name);
    n.string(4, op);
    for (const ProtobufMessage& a : attributes) n.message(5, a);
    graph_.message(1, n);
    return output;
  }

  std::string initializer(const std::string& name, const Tensor& value) {
    ProtobufMessage t;
    for (int axis = 0; axis < value.shape().rank(); ++axis) t.integer(1, value.shape()[axis]);
    t.integer(2, kFloat);
    t.string(8, name);
    const auto host = value.host();
    t.string(9, {reinterpret_cast<const char*>(host.data()), host.size_bytes()});
    graph_.message(5, t);
    return name;
  }

  // Padding of a unit at the current map size, which then shrinks by its stride.
  std::array<std::int64_t, 4> pads_of(const ConvNorm& unit) {
    const Padding p = unit.padding_for(size_, size_);
    size_ = (size_ + unit.stride - 1) / unit.stride;  // used by SAME alone
    return {p.top, p.left, p.bottom, p.right};
  }

  std::string unit(const std::string& x, const std::string& conv, const std::string& norm, const ConvNorm& u) {
    const Tensor weight = to_torch_layout(u.weight.value, u.depthwise ? TensorLayout::depthwise : TensorLayout::conv);
    const std::int64_t kernel = weight.shape()[2];
    const std::array<std::int64_t, 4> pads = pads_of(u);
    const std::vector<ProtobufMessage> attributes{attribute("kernel_shape", std::array{kernel, kernel}),
                                                  attribute("strides", std::array{u.stride, u.stride}), attribute("pads", pads),
                                                  attribute("group", u.depthwise ? weight.shape()[0] : std::int64_t{1})};
    std::string y;
    if (fold_) {
      const BnFolding fold = bn_folding_of(u.norm);
      const std::string w = initializer(conv + ".weight", scaled(weight, fold.scale));
      y = node("Conv", conv, {x, w, initializer(conv + ".bias", fold.bias)}, attributes);
    } else {
      y = node("Conv", conv, {x, initializer(conv + ".weight", weight)}, attributes);
      const std::vector<std::string> inputs{
          y, initializer(norm + ".weight", u.norm.gamma.value), initializer(norm + ".bias", u.norm.beta.value),
          initializer(norm + ".running_mean", u.norm.running_mean), initializer(norm + ".running_var", u.norm.running_var)};
      y = node("BatchNormalization", norm, inputs, {attribute("epsilon", static_cast<float>(u.norm.eps))});
    }
    return u.activation ? activation(y, conv, *u.activation) : y;
  }

  std::string activation(const std::string& x, const std::string& name, Activation kind) {
    if (kind == Activation::swish) {
      const std::string gate = node("Sigmoid", name + ".sigmoid", {x});
      return node("Mul", name + ".swish", {x, gate});
    }
    if (!bounds_) {
      initializer("relu6.low", Tensor::full(Shape(std::vector<std::int64_t>{}), 0));
      initializer("relu6.high", Tensor::full(Shape(std::vector<std::int64_t>{}), 6));
      bounds_ = true;
    }
    return node("Clip", name + ".relu6", {x, "relu6.low", "relu6.high"});
  }

  std::string pointwise(const std::string& x, const std::string& name, const Tensor& weight, const Tensor& bias) {
    const std::string w = initializer(name + ".weight", to_torch_layout(weight, TensorLayout::pointwise));
    return node("Conv", name, {x, w, initializer(name + ".bias", bias)},
                {attribute("kernel_shape", std::array<std::int64_t, 2>{1, 1})});
  }

  std::string block(const std::string& x, const std::string& name, const MBConv& b) {
    std::string y = x;
    if (b.expand) y = unit(y, name + ".conv_pw", name + ".bn1", *b.expand);
    y = unit(y, name + ".conv_dw", name + (b.expand ? ".bn2" : ".bn1"), b.depthwise);
    if (b.se) {
      const std::string pooled = node("GlobalAveragePool", name + ".se.pool", {y});
      std::string s = pointwise(pooled, name + ".se.conv_reduce", b.se->reduce_weight.value, b.se->reduce_bias.value);
      s = activation(s, name + ".se.conv_reduce", Activation::swish);
      s = pointwise(s, name + ".se.conv_expand", b.se->expand_weight.value, b.se->expand_bias.value);
      y = node("Mul", name + ".se.scale", {y, node("Sigmoid", name + ".se.gate", {s})});
    }
    y = unit(y, name + (b.expand ? ".conv_pwl" : ".conv_pw"), name + (b.expand ? ".bn3" : ".bn2"), b.project);
    return b.residual ? node("Add", name + ".residual", {y, x}) : y;
  }

  ProtobufMessage model() const {
    ProtobufMessage opset, m;
    opset.string(1, "");
    opset.integer(2, kOpset);
    m.integer(1, kIrVersion);
    m.string(2, "vitrine");
    m.message(7, graph_);
    m.message(8, opset);
    std::map<std::string, std::string> properties{{"vitrine.arch", net_.arch.name},
                                                  {"vitrine.batch_norm", fold_ ? "folded" : "kept"}};
    write_semantics(net_.semantics, properties);
    write_trained_on(net_.trained_on, properties);
    for (const auto& [key, value] : properties) {
      ProtobufMessage entry;
      entry.string(1, key);
      entry.string(2, value);
      m.message(14, entry);
    }
    return m;
  }

  EfficientNet& net_;
  bool fold_, fixed_;
  std::int64_t size_;
  bool bounds_ = false;
  ProtobufMessage graph_;
};

}  // namespace

std::string onnx_bytes(EfficientNet& net, const OnnxOptions& options) { return GraphWriter(net, options).write(); }

}  // namespace vitrine
