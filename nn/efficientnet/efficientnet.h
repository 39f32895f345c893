// EfficientNet: stem, MBConv blocks, head, classifier.
//
// Forward    images [N, H, W, channels] -> logits [N, classes]
//            stem 3x3 stride 2 -> blocks -> head 1x1 -> global average pool -> dropout -> linear
//            with Architecture::concat_pool fast.ai's head in the place of pool and dropout
// Reference  Tan, Le 2019, arXiv:1905.11946
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "layers/blocks/mbconv.h"
#include "nn/efficientnet/concat_head.h"
#include "nn/efficientnet/scaling.h"
#include "nn/efficientnet/semantics.h"
#include "nn/efficientnet/trained_on.h"

namespace vitrine {

// How a tensor's memory relates to PyTorch's: conversions live in nn/efficientnet/checkpoint.cpp.
enum class TensorLayout {
  vector,     // [C], the same
  conv,       // [R, S, C, K] against OIHW [K, C, R, S]
  depthwise,  // [R, S, C] against [C, 1, R, S]
  linear,     // [C, K] against [K, C]
  pointwise   // [C, K] against a 1x1 convolution's [K, C, 1, 1]
};

struct NamedTensor {
  std::string name;  // timm's key
  TensorLayout layout;
  Tensor* value;
  Parameter* parameter;  // null for running statistics
};

struct EfficientNet {
  Architecture arch;
  Semantics semantics;
  std::int64_t classes = 0;
  TrainedOn trained_on;
  double dropout = 0;
  int frozen_parts = 0;  // of stem, stages 0 to 6, head: the first so many run as in evaluation and get no gradients

  ConvNorm stem;
  std::vector<MBConv> blocks;
  ConvNorm head;
  std::optional<ConcatHead> concat_head;         // where arch.concat_pool says so
  Parameter classifier_weight, classifier_bias;  // [features(), classes], [classes]

  // All tensors zero; fill them with `initialize` or nn/efficientnet/checkpoint.h.
  EfficientNet(Architecture architecture, const Semantics& semantics, std::int64_t classes);

  // Convolutions normal with deviation sqrt(2 / fan_out), batch norm 1 and 0, classifier uniform in +-1/sqrt(fan_in), biases 0.
  void initialize(std::uint64_t seed);
  void initialize_classifier(std::uint64_t seed);  // with the concat head, if there is one
  void set_head(bool concat_pool);                 // another head and classifier, all zero
  std::int64_t features() const { return concat_head ? ConcatHead::kHidden : arch.head; }
  // Rates of the random drops: `drop_connect` grows linearly with the block index as in the paper's code.
  void set_drop_rates(double dropout_rate, double drop_connect_rate);
  void set_bn_momentum(double momentum);
  void set_semantics(const Semantics& semantics);  // of a network that is already built

  // ShapeError unless images are [N, H, W, semantics.channels] with N > 0 and H, W >= 32.
  Variable forward(const Variable& images, const Pass& pass);

  // The same in pieces, for what stops at a layer between them. Units: 0 is the stem, then the blocks, the last one is the head.
  int units() const { return static_cast<int>(blocks.size()) + 2; }
  std::string unit_name(int unit) const;  // "stem", "blocks.3.1", "head"
  int part_of_unit(int unit) const;       // index into network_parts()
  Variable run_unit(int unit, const Variable& x, const Pass& pass);
  Variable classify(const Variable& maps, const Pass& pass);  // of the head's output [N, P, Q, arch.head]: logits

  // Every tensor once, in network order, running statistics included.
  void visit(const std::function<void(const NamedTensor&)>& visitor);
  std::int64_t parameter_count();
  std::map<std::string, Shape> parameter_shapes();  // by name, running statistics left out

  void to(Device device);  // moves every tensor
  Device device() const { return classifier_weight.value.device(); }

 private:
  void fix_static_padding();
};

// "holds 3 NaN or infinite values, the first in 'x'"; empty when all are finite.
std::string flaw_of_values(EfficientNet& net);

// ShapeError unless images are [N, H, W, channels] with N > 0 and H, W >= 32.
void check_images(const Shape& images, std::int64_t channels);

// The parts that training treats apart: "stem", "stage0" to "stage6", "head", "classifier", in this order.
const std::vector<std::string>& network_parts();
const std::string& part_of_tensor(const std::string& name);  // of Vitrine's name of a tensor
bool is_norm_tensor(const std::string& name);                // batch norm's scale and shift

}  // namespace vitrine
