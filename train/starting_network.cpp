#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/first_conv.h"
#include "train/trainer.h"
#include "weights/checkpoint_file.h"

namespace vitrine {

EfficientNet starting_network(const TrainOptions& options, int classes) {
  const Architecture arch = architecture(options.arch);
  const FirstConv rule = first_conv_from_name(options.first_conv);
  const bool concat_pool = options.head == "concat-pool";
  const auto given = static_cast<std::int64_t>(1 + std::count(options.inputs.begin(), options.inputs.end(), '+'));
  const auto ready = [&](EfficientNet net) {
    net.set_drop_rates(options.dropout, options.drop_connect);
    if (options.bn_momentum > 0) net.set_bn_momentum(options.bn_momentum);
    return net;
  };
  if (options.weights.empty()) {
    EfficientNet net(arch, published_semantics(Family::torchvision, arch), classes);
    net.set_head(concat_pool);
    net.initialize(options.seed);
    adapt_to_inputs(net, given, rule, options.inputs);
    return ready(std::move(net));
  }
  const std::string name = shown(options.weights);
  const TensorFile file = read_checkpoint(options.weights, options.ema ? WeightSet::averaged : WeightSet::plain);
  const CheckpointFacts facts =
      checkpoint_facts(file, {.arch = options.arch, .from = options.from, .head = Head::keep_mine}, name);
  EfficientNet net(facts.architecture, facts.semantics, classes);
  load_tensors(net, file, facts.family, Head::keep_mine, name);
  adapt_to_inputs(net, given, rule, options.inputs);
  net.set_head(concat_pool);
  net.initialize_classifier(options.seed);
  return ready(std::move(net));
}

}  // namespace vitrine
