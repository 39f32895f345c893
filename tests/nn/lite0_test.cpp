// The real ImageNet weights of EfficientNet-Lite0 on real photographs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "base/json.h"
#include "data/photograph.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/image_layout.h"
#include "tests/reference_files.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

const std::filesystem::path kWeights =
    std::filesystem::path(VITRINE_SOURCE_DIR) / "weights" / "files" / "efficientnet_lite0.pth";

EfficientNet lite0() { return load_efficientnet(read_checkpoint(kWeights), "lite0", "auto", {}, kWeights.string()); }

TEST(Lite0Golden, LogitsOfPreparedInputsAreAsCloseAsTheLibrary) {
  VITRINE_REFERENCE_FILE(path, "lite0/logits.safetensors");
  VITRINE_REFERENCE_FILE(names, "lite0/top5.json");
  if (!std::filesystem::exists(kWeights)) GTEST_SKIP() << "run scripts/fetch-weights lite0";
  EfficientNet net = lite0();
  const TensorFile file = read_safetensors(path);
  const Json rows = parse_json(read_file(names, 1u << 20));
  for (const auto& [name, row] : rows.items()) {
    const Tensor x = channels_last(file.at(name + ".input").to_float());
    const Tensor logits = net.forward(x, Pass{}).tensor();
    const std::vector<double> expected = file.at(name + ".logits").to_double();
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(logits.host()[i]) - expected[i]));
    const double peer = row.at("float32_error").get<double>();
    std::printf("%s: error %.2e, the library's own in float32 %.2e\n", name.c_str(), worst, peer);
    EXPECT_LE(worst, 2 * peer) << name;
  }
}

TEST(Lite0Golden, TopFiveOfThePhotographs) {
  VITRINE_REFERENCE_FILE(names, "lite0/top5.json");
  if (!std::filesystem::exists(kWeights)) GTEST_SKIP() << "run scripts/fetch-weights lite0";
  if (!can_read_photographs()) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
  EfficientNet net = lite0();
  const Json rows = parse_json(read_file(names, 1u << 20));
  for (const auto& [name, row] : rows.items()) {
    const std::filesystem::path path = find_reference_file("lite0/" + name + ".png");
    if (path.empty()) continue;
    const Photograph photograph = read_photograph(path, {256, 224, Filter::bicubic, false});
    const std::vector<double> p = predict(net, {to_unit_range(photograph.image)}, 1).front();
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    for (std::size_t rank = 0; rank < 5; ++rank) {
      EXPECT_EQ(order[rank], row.at("top5")[rank][0].get<std::size_t>()) << name << " rank " << rank;
      EXPECT_NEAR(p[order[rank]], row.at("top5")[rank][2].get<double>(), 2e-3)
          << name;  // one grey level moves it by about this
    }
  }
}

}  // namespace
}  // namespace vitrine::testing
