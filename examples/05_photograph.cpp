// What a network that others trained says of a photograph: EfficientNet-Lite0, real ImageNet weights, a cat.
//   scripts/fetch-weights lite0, then 05_photograph [WEIGHTS [PHOTOGRAPH]]
// You see   the five likeliest of 1,000 classes
// Change    the weights, for any checkpoint of torchvision, timm or TensorFlow; the photograph
// Watch     how a photograph becomes numbers (size, crop, mean, deviation) belongs to the weights: net.semantics
// Next      06_transfer.cpp: the same weights learn something else
#include <vitrine/efficientnet.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

using namespace vitrine;

int main(int argc, char** argv) try {
  const std::string weights = argc > 1 ? argv[1] : VITRINE_EXAMPLES "/../weights/files/efficientnet_lite0.pth";
  const std::string path = argc > 2 ? argv[2] : VITRINE_EXAMPLES "/../tests/golden/lite0/chelsea.png";
  const TensorFile file = read_checkpoint(weights);
  EfficientNet net = load_efficientnet(file, checkpoint_facts(file, {}, weights), weights);
  Inference inference(net);
  const Photograph photograph = read_photograph(path, photograph_request(net.semantics));
  const std::vector<double> p = classify_square(inference, net, photograph.image);
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  for (std::size_t rank = 0; rank < 5; ++rank)
    std::printf("%.4f  %s\n", p[order[rank]], imagenet_classes()[order[rank]].c_str());
  return 0;
} catch (const vitrine::Error& error) {
  std::fprintf(stderr, "05_photograph: %s\n", error.what());
  return static_cast<int>(error.code());
}
