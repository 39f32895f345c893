// The op cases of a reference folder: its arrays are float64, in PyTorch's layouts, inputs `in.*`, output `out`, gradients `grad.*`.
#include <algorithm>
#include <cmath>
#include <span>

#include "audit/parity.h"
#include "base/error.h"
#include "base/number.h"
#include "layers/batch_norm.h"
#include "layers/blocks/mbconv.h"
#include "layers/conv2d.h"
#include "layers/cross_entropy.h"
#include "layers/depthwise_conv2d.h"
#include "layers/global_average_pool.h"
#include "layers/global_max_pool.h"
#include "layers/linear.h"
#include "layers/relu6.h"
#include "layers/sigmoid.h"
#include "layers/swish.h"
#include "nn/efficientnet/checkpoint.h"
#include "tensor/image_layout.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

constexpr double kUlp = 0x1p-23;  // relative spacing of float32

enum class Layout { flat, image, conv, depthwise, matrix, pointwise };

TensorLayout tensor_layout(Layout layout) {
  switch (layout) {
    case Layout::conv: return TensorLayout::conv;
    case Layout::depthwise: return TensorLayout::depthwise;
    case Layout::matrix: return TensorLayout::linear;
    case Layout::pointwise: return TensorLayout::pointwise;
    case Layout::flat:
    case Layout::image: break;
  }
  return TensorLayout::vector;
}

Tensor from_file(const StoredTensor& stored, Layout layout) {
  const Tensor x = stored.to_float();
  const Shape& s = x.shape();
  const int rank = layout == Layout::flat ? s.rank() : layout == Layout::matrix ? 2 : 4;
  if (s.rank() != rank || s.elements() < 1 || (layout == Layout::depthwise && s[1] != 1))
    throw DataError(text("the tensor '", printable(stored.name), "' is ", s.text(), ", expected ", rank, " axes with values",
                         layout == Layout::depthwise ? ", the second of one" : "", "; make the reference folder again"));
  if (layout == Layout::image) return channels_last(x);
  return from_torch_layout(x, tensor_layout(layout));
}

Tensor to_file(const Tensor& x, Layout layout) {
  if (layout == Layout::image) return channels_first(x);
  return to_torch_layout(x, tensor_layout(layout));
}

// Collects the worst comparison of a case.
class Comparison {
 public:
  Comparison(const TensorFile& file, std::string name, double forward_limit, double gradient_limit)
      : file_(file), row_{"op", std::move(name), 0, std::nullopt, forward_limit}, gradient_limit_(gradient_limit) {}

  void output(const std::string& key, const Tensor& got, Layout layout) { compare(key, got, layout, row_.limit); }
  void gradient(const std::string& key, const Tensor& got, Layout layout) {
    if (file_.find("grad." + key) != nullptr) compare("grad." + key, got, layout, gradient_limit_);
  }
  // The error and limit of the comparison that used most of its limit.
  ParityRow row() const {
    ParityRow worst = row_;
    worst.error = error_;
    worst.limit = limit_;
    return worst;
  }

 private:
  void compare(const std::string& key, const Tensor& got, Layout layout, double limit) {
    const std::vector<double> truth = file_.at(key).to_double();
    const Tensor ours = to_file(got, layout);
    if (static_cast<std::size_t>(ours.size()) != truth.size())
      throw DataError(text(row_.name, ": '", key, "' has ", truth.size(), " values, the op gives ", ours.size()));
    double largest = 0, error = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      largest = std::max(largest, std::abs(truth[i]));
      const double e = std::abs(static_cast<double>(ours.host()[i]) - truth[i]);
      if (!(e <= error)) error = e;
    }
    if (largest > 0) error /= largest;
    if (!(error * limit_ <= error_ * limit)) {
      error_ = error;
      limit_ = limit;
    }
  }

  const TensorFile& file_;
  ParityRow row_;
  double gradient_limit_, error_ = 0, limit_ = 1;
};

struct Input {
  std::string name;
  Layout layout;
};

using Apply = std::function<Variable(std::span<const Variable>)>;

// An op that is a function of Variables.
ParityRow simple(const TensorFile& file, const std::string& name, const std::vector<Input>& inputs, Layout output,
                 double forward_ulp, double gradient_ulp, const Apply& apply) {
  Tape tape;
  std::vector<Variable> leaves;
  for (const Input& input : inputs) leaves.push_back(tape.input(from_file(file.at("in." + input.name), input.layout)));
  const Variable y = apply(leaves);
  const Gradients gradients = tape.backward(y, from_file(file.at("grad.out"), output).reshaped(y.shape()));
  Comparison c(file, name, forward_ulp * kUlp, gradient_ulp * kUlp);
  c.output("out", y.tensor(), output);
  for (std::size_t i = 0; i < inputs.size(); ++i) c.gradient(inputs[i].name, gradients.of(leaves[i]), inputs[i].layout);
  return c.row();
}

// "k5s2" in a case's name.
struct Window {
  std::int64_t kernel = 1, stride = 1;
  bool same = false;
};

Window window_of(const std::string& name) {
  const std::size_t k = name.find("-k");
  Window w;
  w.same = name.find("-same-") != std::string::npos;
  if (k == std::string::npos || name.size() < k + 5 || !std::isdigit(static_cast<unsigned char>(name[k + 2])) ||
      name[k + 3] != 's' || !std::isdigit(static_cast<unsigned char>(name[k + 4]))) {
    throw DataError(text("the case '", name, "' does not say its kernel and stride as k<digit>s<digit>"));
  }
  w.kernel = name[k + 2] - '0';
  w.stride = name[k + 4] - '0';
  return w;
}

ConvOptions options_of(const Window& w, const Shape& image) {
  return {w.stride, w.same ? same_padding(image[1], image[2], w.kernel, w.stride) : symmetric_padding(w.kernel)};
}

ParityRow convolution(const TensorFile& file, const std::string& name, bool depthwise) {
  const Window w = window_of(name);
  std::vector<Input> inputs{{"x", Layout::image}, {"weight", depthwise ? Layout::depthwise : Layout::conv}};
  if (file.find("in.bias") != nullptr) inputs.push_back({"bias", Layout::flat});
  // Sums of up to 1,152 products of rounded inputs.
  return simple(file, name, inputs, Layout::image, 16, 64, [&](std::span<const Variable> in) {
    const ConvOptions options = options_of(w, in[0].shape());
    if (depthwise) return depthwise_conv2d(in[0], in[1], options);
    return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Variable(), options);
  });
}

// "eps1e-3" in a case's name; PyTorch's 1e-5 without it.
double eps_of(const std::string& name) {
  const std::size_t at = name.find("eps");
  double eps = 1e-5;
  if (at != std::string::npos && !parse_number(name.substr(at + 3), eps))
    throw DataError(text("the case '", name, "' does not say its epsilon as eps<number>"));
  return eps;
}

ParityRow batch_norm(const TensorFile& file, const std::string& name) {
  const double eps = eps_of(name);
  const std::vector<Input> inputs{{"x", Layout::image}, {"weight", Layout::flat}, {"bias", Layout::flat}};
  if (file.find("in.running_mean") != nullptr) {
    const Tensor mean = file.at("in.running_mean").to_float(), variance = file.at("in.running_var").to_float();
    return simple(file, name, inputs, Layout::image, 16, 64,
                  [&](std::span<const Variable> in) { return batch_norm_eval(in[0], in[1], in[2], mean, variance, eps); });
  }
  // Rounding x to float32 moves the normalised values by its size over its deviation.
  double largest = 0, mean = 0, squares = 0;
  const std::vector<double> x = file.at("in.x").to_double();
  for (const double v : x) {
    largest = std::max(largest, std::abs(v));
    mean += v / static_cast<double>(x.size());
  }
  for (const double v : x) squares += (v - mean) * (v - mean) / static_cast<double>(x.size());
  const double amplified = std::max(1.0, largest / std::sqrt(squares));
  return simple(file, name, inputs, Layout::image, 16 * amplified, 64 * amplified, [&](std::span<const Variable> in) {
    BatchStatistics statistics;
    return batch_norm_train(in[0], in[1], in[2], eps, &statistics);
  });
}

ParityRow concat_pool(const TensorFile& file, const std::string& name) {
  Tape tapes[2];  // a tape is good for one backward pass
  const Tensor image = from_file(file.at("in.x"), Layout::image);
  const Variable x[] = {tapes[0].input(image), tapes[1].input(image)};
  const Variable halves[] = {global_max_pool(x[0]), global_average_pool(x[1])};
  const std::int64_t rows = image.shape()[0], channels = image.shape()[3];
  const Tensor dy = file.at("grad.out").to_float();
  Tensor y = Tensor::uninitialized({rows, 2 * channels}), dx = Tensor::zeros(image.shape());
  for (std::int64_t half = 0; half < 2; ++half) {
    Tensor part = Tensor::uninitialized({rows, channels});
    for (std::int64_t i = 0; i < rows * channels; ++i) {
      const auto at = static_cast<std::size_t>((i / channels * 2 + half) * channels + i % channels);
      part.mutable_host()[static_cast<std::size_t>(i)] = dy.host()[at];
      y.mutable_host()[at] = halves[half].tensor().host()[static_cast<std::size_t>(i)];
    }
    const Gradients g = tapes[half].backward(halves[half], part);
    for (std::size_t i = 0; i < static_cast<std::size_t>(dx.size()); ++i) dx.mutable_host()[i] += g.of(x[half]).host()[i];
  }
  Comparison c(file, name, 4 * kUlp, 4 * kUlp);
  c.output("out", y, Layout::flat);
  c.gradient("x", dx, Layout::image);
  return c.row();
}

ParityRow loss(const TensorFile& file, const std::string& name) {
  const std::size_t at = name.find("label_smoothing_");
  double smoothing = 0;
  if (at != std::string::npos && !parse_number(name.substr(at + 16), smoothing))
    throw DataError(text("the case '", name, "' does not say its smoothing as label_smoothing_<number>"));
  const Tensor target = file.at("in.target").to_float();
  return simple(file, name, {{"logits", Layout::flat}}, Layout::flat, 8, 32,
                [&](std::span<const Variable> in) { return cross_entropy(in[0], target, smoothing); });
}

ParityRow squeeze(const TensorFile& file, const std::string& name) {
  SqueezeExcitation se;
  se.reduce_weight.value = from_file(file.at("in.reduce_weight"), Layout::pointwise);
  se.reduce_bias.value = file.at("in.reduce_bias").to_float();
  se.expand_weight.value = from_file(file.at("in.expand_weight"), Layout::pointwise);
  se.expand_bias.value = file.at("in.expand_bias").to_float();
  Tape tape;
  const Variable x = tape.input(from_file(file.at("in.x"), Layout::image));
  const Variable y = se.forward(x, {.mode = Mode::train, .tape = &tape});
  const Gradients g = tape.backward(y, from_file(file.at("grad.out"), Layout::image));
  Comparison c(file, name, 64 * kUlp, 128 * kUlp);
  c.output("out", y.tensor(), Layout::image);
  c.gradient("x", g.of(x), Layout::image);
  c.gradient("reduce_weight", g.of(se.reduce_weight), Layout::pointwise);
  c.gradient("reduce_bias", g.of(se.reduce_bias), Layout::flat);
  c.gradient("expand_weight", g.of(se.expand_weight), Layout::pointwise);
  c.gradient("expand_bias", g.of(se.expand_bias), Layout::flat);
  return c.row();
}

ConvNorm unit(const TensorFile& file, const std::string& conv, const std::string& norm, Layout layout) {
  ConvNorm u;
  u.weight.value = from_file(file.at("in." + conv + ".weight"), layout);
  u.depthwise = layout == Layout::depthwise;
  u.norm = BatchNorm::identity(u.weight.value.shape().back(), 1e-3, 0.1);
  u.norm.gamma.value = file.at("in." + norm + ".weight").to_float();
  u.norm.beta.value = file.at("in." + norm + ".bias").to_float();
  return u;
}

ParityRow block(const TensorFile& file, const std::string& name) {
  MBConv b;
  b.expand = unit(file, "expand", "bn0", Layout::conv);
  b.depthwise = unit(file, "dw", "bn1", Layout::depthwise);
  b.project = unit(file, "project", "bn2", Layout::conv);
  b.expand->activation = b.depthwise.activation = Activation::swish;
  b.depthwise.stride = window_of(name).stride;
  b.se.emplace();
  b.se->reduce_weight.value = from_file(file.at("in.se_reduce.weight"), Layout::pointwise);
  b.se->reduce_bias.value = file.at("in.se_reduce.bias").to_float();
  b.se->expand_weight.value = from_file(file.at("in.se_expand.weight"), Layout::pointwise);
  b.se->expand_bias.value = file.at("in.se_expand.bias").to_float();
  b.residual = file.at("in.x").shape == file.at("out").shape;
  Tape tape;
  const Variable x = tape.input(from_file(file.at("in.x"), Layout::image));
  const Variable y = b.forward(x, {.mode = Mode::train, .tape = &tape});
  const Gradients g = tape.backward(y, from_file(file.at("grad.out"), Layout::image));
  // Batch norm over few rows amplifies the rounding of the inputs.
  Comparison c(file, name, 5e-6, 5e-5);
  c.output("out", y.tensor(), Layout::image);
  c.gradient("x", g.of(x), Layout::image);
  c.gradient("expand.weight", g.of(b.expand->weight), Layout::conv);
  c.gradient("dw.weight", g.of(b.depthwise.weight), Layout::depthwise);
  c.gradient("project.weight", g.of(b.project.weight), Layout::conv);
  c.gradient("se_reduce.weight", g.of(b.se->reduce_weight), Layout::pointwise);
  c.gradient("se_expand.weight", g.of(b.se->expand_weight), Layout::pointwise);
  c.gradient("se_expand.bias", g.of(b.se->expand_bias), Layout::flat);
  const ConvNorm* const units[] = {&*b.expand, &b.depthwise, &b.project};
  for (int i = 0; i < 3; ++i) {
    const std::string norm = "bn" + std::to_string(i);
    c.gradient(norm + ".weight", g.of(units[i]->norm.gamma), Layout::flat);
    c.gradient(norm + ".bias", g.of(units[i]->norm.beta), Layout::flat);
    c.output("after." + norm + ".running_mean", units[i]->norm.running_mean, Layout::flat);
    c.output("after." + norm + ".running_var", units[i]->norm.running_var, Layout::flat);
  }
  return c.row();
}

ParityRow elementwise(const TensorFile& file, const std::string& name, Variable (*op)(const Variable&)) {
  return simple(file, name, {{"x", Layout::flat}}, Layout::flat, 4, 8, [&](std::span<const Variable> in) { return op(in[0]); });
}

}  // namespace

ParityRow op_parity(const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  const std::string name = path.stem().string(), op = name.substr(0, name.find('-'));
  if (op == "conv2d" || op == "depthwise_conv2d") return convolution(file, name, op != "conv2d");
  if (op == "batch_norm") return batch_norm(file, name);
  if (op == "mbconv") return block(file, name);
  if (op == "cross_entropy") return loss(file, name);
  if (op == "squeeze_excitation") return squeeze(file, name);
  if (op == "adaptive_concat_pool") return concat_pool(file, name);
  if (op == "swish") return elementwise(file, name, [](const Variable& x) { return swish(x); });
  if (op == "sigmoid") return elementwise(file, name, [](const Variable& x) { return sigmoid(x); });
  if (op == "relu6") return elementwise(file, name, [](const Variable& x) { return relu6(x); });
  if (op == "global_average_pool") {
    return simple(file, name, {{"x", Layout::image}}, Layout::flat, 4, 4,
                  [](std::span<const Variable> in) { return global_average_pool(in[0]); });
  }
  if (op == "linear") {
    return simple(file, name, {{"x", Layout::flat}, {"weight", Layout::matrix}, {"bias", Layout::flat}}, Layout::flat, 16, 64,
                  [](std::span<const Variable> in) { return linear(in[0], in[1], in[2]); });
  }
  throw DataError(text(path.string(), ": the op '", op, "' is not known; remove the case or use a newer version"));
}

}  // namespace vitrine
