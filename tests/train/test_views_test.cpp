// Test-time augmentation: predictions as means over mirrored views.
#include "train/test_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/prediction.h"
#include "tests/train/small_fold.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> values_of(const Tensor& t) { return {t.host().begin(), t.host().end()}; }

Tensor numbered(const Shape& shape) {
  Tensor t = Tensor::uninitialized(shape);
  float next = 0;
  for (float& value : t.mutable_host()) value = next++;
  return t;
}

// Says the first value of each image, and counts the calls.
class FirstValue : public EpochTraining {
 public:
  std::vector<double> run_epoch(const std::vector<int>&, std::uint32_t, const std::vector<StepRates>&, const EpochWatch&,
                                std::size_t) override {
    return {};
  }
  std::vector<std::vector<double>> predictions(const std::vector<Tensor>& images) override {
    ++calls;
    std::vector<std::vector<double>> said;
    for (const Tensor& image : images) said.push_back({image.host()[0], -image.host()[0]});
    return said;
  }
  int calls = 0;
};

TEST(TestViews, MirrorsColumnsAndRowsAndKeepsTheChannelsOfAPixel) {
  const Tensor image = numbered({2, 3, 2});  // rows of pixels 01 23 45 and 67 89 ab
  EXPECT_THAT(values_of(mirrored(image, true, false)), ElementsAre(4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7));
  EXPECT_THAT(values_of(mirrored(image, false, true)), ElementsAre(6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5));
  EXPECT_THAT(values_of(mirrored(image, true, true)), ElementsAre(10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1));
  EXPECT_EQ(values_of(mirrored(image, false, false)), values_of(image));
  EXPECT_THROW(mirrored(numbered({2, 3}), true, false), ShapeError);
}

// The corners of the image are the first values of its views: 0 left up, 4 right up, 6 left down, 10 right down.
TEST(TestViews, AreAddedUpAndDividedByTheirNumber) {
  const std::vector<Tensor> images{numbered({2, 3, 2}), numbered({2, 3, 2})};
  const auto mean = [&](const char* name, int calls) {
    FirstValue training;
    const auto said = mean_over_views(training, images, test_views_from_name(name));
    EXPECT_EQ(training.calls, calls) << name;
    EXPECT_EQ(said[0], said[1]);
    EXPECT_EQ(said[0][0], -said[0][1]);
    return said[0][0];
  };
  EXPECT_EQ(mean("none", 1), 0);
  EXPECT_EQ(mean("horizontal", 2), (0 + 4) / 2.0);
  EXPECT_EQ(mean("vertical", 2), (0 + 6) / 2.0);
  EXPECT_EQ(mean("both", 4), (0 + 4 + 6 + 10) / 4.0);
}

TEST(TestViews, OfAnotherNameAreRefusedWithTheChoices) {
  try {
    test_views_from_name("horizontl");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--tta"));
    EXPECT_THAT(error.what(), HasSubstr("horizontal"));
  }
}

// Training is not touched: the same network; its tables and its judge have the means.
TEST(TestViews, OfAFoldAreThoseOfItsTables) {
  Progress quiet(true);
  TrainOptions options = small_options();
  options.select = "last";
  const FoldData data = small_fold();
  const fs::path plain = fresh_folder("plain"), viewed = fresh_folder("viewed");
  const FoldFiles once = train_fold(data, options, plain, "key", "test", quiet);
  options.tta = "horizontal";
  const FoldFiles twice = train_fold(data, options, viewed, "key", "test", quiet);
  EXPECT_EQ(read_file(plain / "best.safetensors", 1u << 28), read_file(viewed / "best.safetensors", 1u << 28));
  EXPECT_NE(once.history.back().validation_loss, twice.history.back().validation_loss);
  EXPECT_EQ(once.history.back().train_loss, twice.history.back().train_loss);

  EfficientNet net(architecture("b0"), Semantics{}, 2);
  load_tensors(net, read_safetensors(viewed / "best.safetensors"), Family::timm, Head::as_in_file, "best");
  for (const auto& [part, table] : {std::pair{&data.validation, &twice.validation}, std::pair{&data.test, &twice.test}}) {
    std::vector<Tensor> views;
    for (const Tensor& image : part->images) views.push_back(mirrored(image, true, false));
    const auto own = predict(net, part->images, 8), mirror = predict(net, views, 8);
    ASSERT_EQ(table->size(), part->images.size());
    for (std::size_t i = 0; i < table->size(); ++i) EXPECT_EQ((*table)[i].probability[1], (own[i][1] + mirror[i][1]) / 2) << i;
  }
  for (const fs::path& folder : {plain, viewed}) fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::testing
