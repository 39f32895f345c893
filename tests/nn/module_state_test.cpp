// A module's tensors in a file: values come back in the type that the module holds.
#include "nn/modules/state.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

struct WithSums {
  Parameter weight{Tensor::from({2}, std::vector<float>{1, 2})};
  Tensor sums = Tensor::from<double>({2}, std::vector<double>{1.0 / 3, 1e300});
  void visit(const Visitor& v) { v("weight", weight), v("sums", sums); }
};

TEST(ModuleState, KeepsFloat64AsItIs) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "vitrine_module_state.safetensors";
  WithSums saved, loaded;
  saved.weight.value = Tensor::from({2}, std::vector<float>{3, 4});
  loaded.sums = Tensor::from<double>({2}, std::vector<double>{0, 0});
  save(saved, path);
  EXPECT_EQ(read_safetensors(path).at("sums").type, DType::f64);
  EXPECT_EQ(read_safetensors(path).at("weight").type, DType::f32);
  load(loaded, path);
  EXPECT_EQ(loaded.sums.host<double>()[0], 1.0 / 3);
  EXPECT_EQ(loaded.sums.host<double>()[1], 1e300);
  EXPECT_EQ(loaded.weight.value.host()[1], 4.0f);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace vitrine::testing
