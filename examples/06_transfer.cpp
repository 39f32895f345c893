// ImageNet weights learn to tell the digits 3 and 8 from 80 threes and 8 eights: without and with oversampling.
//   scripts/fetch-weights lite0, then 06_transfer [WEIGHTS]
// You see   the balanced accuracy (the mean of both classes' shares that are right) on unseen digits, twice
// Change    the number of eights, the parts that are frozen, mixup's 0.4
// Watch     accuracy alone would hide it: a network that says "three" to everything has 91 % of the training digits right
// Next      07_same_bits.cpp: why this prints the same on every machine
#include <vitrine/efficientnet.h>
#include <vitrine/train.h>

#include <cstdio>

#include "digits.h"

using namespace vitrine;

struct Pair {
  std::vector<Tensor> images;  // [64, 64, 3]
  std::vector<int> labels;     // 0: a three, 1: an eight
};

// At most `most[label]` of each, each pixel as 8 x 8.
Pair threes_and_eights(const examples::Digits& digits, std::array<int, 2> most) {
  Pair pair;
  for (std::size_t n = 0; n < digits.labels.size(); ++n) {
    const int label = digits.labels[n] == 8;
    if ((digits.labels[n] != 3 && digits.labels[n] != 8) || most[static_cast<std::size_t>(label)]-- <= 0) continue;
    Tensor image = Tensor::uninitialized({64, 64, 3});
    for (std::size_t i = 0; i < 64 * 64 * 3; ++i)
      image.mutable_host()[i] = digits.images.host()[64 * n + i / 3 / 512 * 8 + i / 3 % 64 / 8];
    pair.images.push_back(std::move(image)), pair.labels.push_back(label);
  }
  return pair;
}

double balanced_accuracy(Balance balance, const TensorFile& file, const CheckpointFacts& facts, const Pair& few,
                         const Pair& unseen) {
  EfficientNet net(facts.architecture, facts.semantics, 2);
  load_tensors(net, file, facts.family, Head::keep_mine, "the checkpoint");
  net.initialize_classifier(1);
  net.frozen_parts = 3;  // the stem, stages 0 and 1
  Optimizer optimizer({});
  for (std::uint32_t epoch = 0; epoch < 12; ++epoch) {
    const std::vector<int> order = epoch_order(few.labels, 2, balance, 1, epoch);
    for (std::uint32_t first = 0; first + 16 <= order.size(); first += 16) {
      std::vector<const Tensor*> images;
      std::vector<int> labels;
      for (std::size_t i = first; i < first + 16; ++i) {
        images.push_back(&few.images[static_cast<std::size_t>(order[i])]);
        labels.push_back(few.labels[static_cast<std::size_t>(order[i])]);
      }
      const Batch batch{stack_images(images, input_normalisation(net.semantics)), one_hot(labels, 2)};
      train_step(net, optimizer, mixup(batch, 0.4, 1, epoch, first), {.lr = 2e-3, .key = {1, epoch, first}});
    }
  }
  const auto p = predict(net, unseen.images, 16);
  std::array<double, 2> right{}, all{};
  for (std::size_t n = 0; n < p.size(); ++n) {
    const auto label = static_cast<std::size_t>(unseen.labels[n]);
    ++all[label], right[label] += p[n][label] > 0.5 ? 1 : 0;
  }
  return 50 * (right[0] / all[0] + right[1] / all[1]);
}

int main(int argc, char** argv) try {
  const std::string weights = argc > 1 ? argv[1] : VITRINE_EXAMPLES "/../weights/files/efficientnet_lite0.pth";
  const TensorFile file = read_checkpoint(weights);
  const CheckpointFacts facts = checkpoint_facts(file, {.head = Head::keep_mine}, weights);
  const Pair few = threes_and_eights(examples::digits(true), {80, 8}),
             unseen = threes_and_eights(examples::digits(false), {99, 99});
  const double plain = balanced_accuracy(Balance::none, file, facts, few, unseen);
  const double oversampled = balanced_accuracy(Balance::oversample, file, facts, few, unseen);
  std::printf("balanced accuracy %.2f %%, with oversampling %.2f %%\n", plain, oversampled);
  return oversampled > plain ? 0 : 1;
} catch (const vitrine::Error& error) {
  std::fprintf(stderr, "06_transfer: %s\n", error.what());
  return static_cast<int>(error.code());
}
