// Whatever is wrong with an argument, a status and a sentence come back.
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <thread>

#include "base/file.h"
#include "tests/data/pictures.h"
#include "tests/library/c/c_interface.h"

namespace vitrine::testing {
namespace {

using CArguments = CInterface;

constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST_F(CArguments, NullPointers) {
  float x[3 * 32 * 32] = {}, out[kClasses];
  double p[kClasses];
  std::uint8_t rgb[3] = {};
  const std::int64_t shape[4] = {1, 32, 32, 3};
  vitrine_network* none = nullptr;
  expect_refused(vitrine_open(nullptr, &none), VITRINE_USAGE, {"vitrine_open: path is NULL"});
  expect_refused(vitrine_open("net", nullptr), VITRINE_USAGE, {"network is NULL"});
  expect_refused(vitrine_open_with(nullptr, nullptr, nullptr), VITRINE_USAGE, {"NULL"});
  EXPECT_EQ(vitrine_close(nullptr), VITRINE_OK);
  EXPECT_EQ(vitrine_classes(nullptr), 0);
  expect_refused(2, VITRINE_USAGE, {"vitrine_classes: the network is NULL"});
  EXPECT_EQ(vitrine_channels(nullptr), 0);
  EXPECT_EQ(vitrine_input_size(nullptr), 0);
  EXPECT_EQ(vitrine_class_name(nullptr, 0), nullptr);
  EXPECT_EQ(vitrine_architecture(nullptr), nullptr);
  expect_refused(vitrine_normalization(nullptr, out, out), VITRINE_USAGE, {"NULL"});
  expect_refused(vitrine_normalization(network_, nullptr, out), VITRINE_USAGE, {"mean is NULL"});
  expect_refused(vitrine_normalization(network_, out, nullptr), VITRINE_USAGE, {"deviation is NULL"});
  expect_refused(vitrine_run(nullptr, x, shape, VITRINE_NHWC, out, kClasses), VITRINE_USAGE, {"network is NULL"});
  expect_refused(vitrine_run(network_, nullptr, shape, VITRINE_NHWC, out, kClasses), VITRINE_USAGE, {"images is NULL"});
  expect_refused(vitrine_run(network_, x, nullptr, VITRINE_NHWC, out, kClasses), VITRINE_USAGE, {"shape is NULL"});
  expect_refused(vitrine_run(network_, x, shape, VITRINE_NHWC, nullptr, kClasses), VITRINE_USAGE, {"logits is NULL"});
  expect_refused(vitrine_predict_rgb(nullptr, rgb, 1, 1, 0, p, kClasses), VITRINE_USAGE, {"network is NULL"});
  expect_refused(vitrine_predict_rgb(network_, nullptr, 1, 1, 0, p, kClasses), VITRINE_USAGE, {"rgb is NULL"});
  expect_refused(vitrine_predict_rgb(network_, rgb, 1, 1, 0, nullptr, kClasses), VITRINE_USAGE, {"probabilities is NULL"});
  expect_refused(vitrine_predict_photograph(nullptr, rgb, 3, p, kClasses), VITRINE_USAGE, {"network is NULL"});
  expect_refused(vitrine_predict_photograph(network_, nullptr, 3, p, kClasses), VITRINE_USAGE, {"bytes is NULL"});
  expect_refused(vitrine_predict_photograph(network_, rgb, 3, nullptr, kClasses), VITRINE_USAGE, {"probabilities is NULL"});
  expect_refused(vitrine_predict_file(nullptr, "x", p, kClasses), VITRINE_USAGE, {"network is NULL"});
  expect_refused(vitrine_predict_file(network_, nullptr, p, kClasses), VITRINE_USAGE, {"path is NULL"});
  expect_refused(vitrine_predict_file(network_, "x", nullptr, kClasses), VITRINE_USAGE, {"probabilities is NULL"});
}

TEST_F(CArguments, ClosedAndForeignHandles) {
  vitrine_network* first = nullptr;
  ASSERT_EQ(vitrine_open(path("net.safetensors").c_str(), &first), VITRINE_OK);
  ASSERT_EQ(vitrine_close(first), VITRINE_OK);
  vitrine_network* second = nullptr;
  ASSERT_EQ(vitrine_open(path("net.safetensors").c_str(), &second), VITRINE_OK);
  EXPECT_NE(first, second);
  double p[kClasses];
  expect_refused(vitrine_close(first), VITRINE_USAGE, {"vitrine_close", "closed already"});
  expect_refused(vitrine_predict_rgb(first, pixels(1, 1).data(), 1, 1, 0, p, kClasses), VITRINE_USAGE, {"closed already"});
  int somewhere = 0;
  for (const std::uintptr_t wild :
       {reinterpret_cast<std::uintptr_t>(&somewhere), std::uintptr_t{1}, ~std::uintptr_t{0},
        reinterpret_cast<std::uintptr_t>(second) + 1, reinterpret_cast<std::uintptr_t>(second) + 16}) {
    auto* const handle = reinterpret_cast<vitrine_network*>(wild);
    EXPECT_EQ(vitrine_classes(handle), 0);
    expect_refused(vitrine_close(handle), VITRINE_USAGE, {"no handle that vitrine_open has given"});
  }
  EXPECT_EQ(vitrine_close(second), VITRINE_OK);
}

TEST_F(CArguments, ShapesLayoutsAndCapacities) {
  const std::vector<float> x = images(1, 32, 32);
  std::vector<float> out(kClasses);
  const auto run = [&](std::vector<std::int64_t> shape, int layout, std::size_t capacity) {
    return vitrine_run(network_, x.data(), shape.data(), layout, out.data(), capacity);
  };
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-1}, -kMost - 1})
    expect_refused(run({n, 32, 32, 3}, VITRINE_NHWC, kHuge), VITRINE_USAGE, {"1 image or more"});
  for (const std::int64_t c : {std::int64_t{0}, std::int64_t{-3}, std::int64_t{1}, std::int64_t{4}, kMost})
    expect_refused(run({1, 32, 32, c}, VITRINE_NHWC, kHuge), VITRINE_USAGE, {"takes 3 channels"});
  for (const std::int64_t side :
       {std::int64_t{0}, std::int64_t{-32}, std::int64_t{31}, std::int64_t{16'385}, kMost, -kMost - 1}) {
    expect_refused(run({1, side, 32, 3}, VITRINE_NHWC, kHuge), VITRINE_USAGE, {"32 to 16384"});
    expect_refused(run({1, 3, 32, side}, VITRINE_NCHW, kHuge), VITRINE_USAGE, {"32 to 16384", "NCHW"});
  }
  expect_refused(run({1, 3, 32, 32}, VITRINE_NHWC, kHuge), VITRINE_USAGE, {"[1, 3, 32, 32]", "NHWC"});
  expect_refused(run({1, 16'384, 16'384, 3}, VITRINE_NHWC, kHuge), VITRINE_USAGE, {"16777216 pixels"});
  for (const std::int64_t n : {kMost, kMost / 3 / 32 / 32 + 1, std::int64_t{1} << 40})
    expect_refused(run({n, 32, 32, 3}, VITRINE_NHWC, kHuge), VITRINE_USAGE, {"17179869184 values"});
  for (const int layout : {-1, 2, std::numeric_limits<int>::max()})
    expect_refused(run({1, 32, 32, 3}, layout, kHuge), VITRINE_USAGE, {"layout is"});
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{kClasses - 1}})
    expect_refused(run({1, 32, 32, 3}, VITRINE_NHWC, capacity), VITRINE_USAGE, {"capacity", "1 image of 5 classes need 5"});
  std::vector<float> both(3 * 32 * 32 + kClasses);
  const std::int64_t shape[4] = {1, 32, 32, 3};
  for (const std::size_t at : {std::size_t{0}, std::size_t{3 * 32 * 32 - 1}})
    expect_refused(vitrine_run(network_, both.data(), shape, VITRINE_NHWC, both.data() + at, kClasses), VITRINE_USAGE,
                   {"overlaps"});
  EXPECT_EQ(vitrine_run(network_, both.data(), shape, VITRINE_NHWC, both.data() + 3 * 32 * 32, kClasses), VITRINE_OK);
  const auto* const odd = reinterpret_cast<const float*>(reinterpret_cast<const char*>(both.data()) + 2);
  expect_refused(vitrine_run(network_, odd, shape, VITRINE_NHWC, out.data(), kClasses), VITRINE_USAGE, {"multiple of 4"});
}

TEST_F(CArguments, ValuesThatAreNotFinite) {
  const std::int64_t shape[4] = {2, 32, 32, 3};
  float out[2 * kClasses];
  for (const float wrong : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    std::vector<float> x = images(2, 32, 32);
    x[3 * 32 * 32 + 17] = wrong;
    expect_refused(vitrine_run(network_, x.data(), shape, VITRINE_NHWC, out, 2 * kClasses), VITRINE_DATA,
                   {"value 17 of image 1"});
  }
}

TEST_F(CArguments, PicturesOfPixels) {
  const std::vector<std::uint8_t> rgb = pixels(2, 2);
  double p[kClasses];
  const auto predict = [&](std::int64_t rows, std::int64_t columns, std::size_t stride, std::size_t capacity = kClasses) {
    return vitrine_predict_rgb(network_, rgb.data(), rows, columns, stride, p, capacity);
  };
  for (const std::int64_t side : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{64'000'001}, kMost, -kMost - 1}) {
    expect_refused(predict(side, 1, 0), VITRINE_USAGE, {"64000000"});
    expect_refused(predict(1, side, 0), VITRINE_USAGE, {"64000000"});
  }
  expect_refused(predict(8001, 8000, 0), VITRINE_USAGE, {"8001 x 8000"});
  expect_refused(predict(2, 2, 5), VITRINE_USAGE, {"row_stride is 5 bytes", "6"});
  expect_refused(predict(2, 2, kHuge), VITRINE_USAGE, {"row_stride"});
  expect_refused(predict(2, 2, 6, kClasses - 1), VITRINE_USAGE, {"capacity is 4", "5 classes"});
  expect_refused(predict(2, 2, 6, 0), VITRINE_USAGE, {"capacity is 0"});
  EXPECT_EQ(predict(2, 2, 6, kHuge), VITRINE_OK) << vitrine_last_error();
  EXPECT_EQ(predict(1, 1, 0), VITRINE_OK) << vitrine_last_error();
  EXPECT_STREQ(vitrine_last_error(), "");
}

TEST_F(CArguments, PhotographsThatAreNone) {
  if (vitrine_can_read_photographs() == 0) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
  double p[kClasses];
  const auto predict = [&](const std::string& name) { return vitrine_predict_file(network_, name.c_str(), p, kClasses); };
  expect_refused(predict(""), VITRINE_USAGE, {"path is empty"});
  expect_refused(predict(path("none.png")), VITRINE_DATA, {"none.png", "does not exist"});
  expect_refused(predict(folder.string()), VITRINE_DATA, {"is a folder"});
  expect_refused(predict(path("net.safetensors")), VITRINE_DATA, {"net.safetensors"});
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  expect_refused(predict(path("pipe")), VITRINE_DATA, {"pipe"});
  const std::string jpeg = golden("progressive.jpg"), png = golden("colour_2_8.png");
  for (const std::string& bytes :
       {std::string(), std::string("\xff\xd8"), jpeg.substr(0, 200), png.substr(0, 60), std::string(png).replace(60, 1, "?")})
    expect_refused(vitrine_predict_photograph(network_, bytes.data(), bytes.size(), p, kClasses), VITRINE_DATA,
                   {"picture is refused"});
}

TEST_F(CArguments, NetworksThatTakeNoPhotographs) {
  vitrine_options options = VITRINE_OPTIONS;
  options.resize = options.input_size = 8192;
  vitrine_network* large = nullptr;
  ASSERT_EQ(vitrine_open_with(path("net.safetensors").c_str(), &options, &large), VITRINE_OK) << vitrine_last_error();
  double q[kClasses];
  expect_refused(vitrine_predict_rgb(large, pixels(2, 2).data(), 2, 2, 0, q, kClasses), VITRINE_USAGE, {"8192 x 8192"});
  EXPECT_EQ(vitrine_close(large), VITRINE_OK);
  EfficientNet net = drawn();
  net.trained_on.height = 40;
  net.trained_on.width = 32;
  write_safetensors(folder / "crops.safetensors", to_tensor_file(net, {}));
  vitrine_network* crops = nullptr;
  ASSERT_EQ(vitrine_open(path("crops.safetensors").c_str(), &crops), VITRINE_OK) << vitrine_last_error();
  double p[kClasses];
  expect_refused(vitrine_predict_rgb(crops, pixels(2, 2).data(), 2, 2, 0, p, kClasses), VITRINE_USAGE, {"crops of 40 x 32"});
  EXPECT_EQ(vitrine_close(crops), VITRINE_OK);
}

TEST_F(CArguments, ClassNames) {
  for (const std::int64_t index : {std::int64_t{-1}, std::int64_t{kClasses}, kMost, -kMost - 1}) {
    EXPECT_EQ(vitrine_class_name(network_, index), nullptr);
    expect_refused(2, VITRINE_USAGE, {"vitrine_class_name", "0 to 4"});
  }
}

TEST_F(CArguments, Threads) {
  for (const int threads : {0, -1, 1025, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()})
    expect_refused(vitrine_set_threads(threads), VITRINE_USAGE, {"1 to 1024"});
  EXPECT_GE(vitrine_threads(), 1);
}

TEST_F(CArguments, CheckpointsThatAreNone) {
  const auto open = [&](const std::string& name) {
    auto* network = reinterpret_cast<vitrine_network*>(1);
    const int status = vitrine_open(name.c_str(), &network);
    EXPECT_EQ(network, nullptr);
    return status;
  };
  expect_refused(open(""), VITRINE_USAGE, {"path is empty"});
  expect_refused(open(path("none.pth")), VITRINE_WEIGHTS, {"none.pth", "does not exist"});
  expect_refused(open(folder.string()), VITRINE_WEIGHTS, {"is a folder"});
  expect_refused(open(path("n\xff\xfe\x1b[2J\n.pth")), VITRINE_WEIGHTS, {"\\xff\\xfe", "does not exist"});
  expect_refused(open(path(std::string(5000, 'x'))), VITRINE_WEIGHTS, {"longer than the system allows"});
  write_file(folder / "empty.pth", "");
  expect_refused(open(path("empty.pth")), VITRINE_WEIGHTS, {"empty.pth"});
  write_file(folder / "page.pth", "<!DOCTYPE html><html>not here</html>");
  expect_refused(open(path("page.pth")), VITRINE_WEIGHTS, {"page.pth"});
  const std::string whole = read_file(folder / "net.safetensors", 1u << 28);
  for (const std::size_t size : {std::size_t{7}, std::size_t{8}, std::size_t{1000}, whole.size() / 2, whole.size() - 1}) {
    write_file(folder / "cut.safetensors", std::string_view(whole).substr(0, size));
    expect_refused(open(path("cut.safetensors")), VITRINE_WEIGHTS, {"cut.safetensors"});
  }
  for (std::size_t at = 0; at < 4096; at += 97) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    write_file(folder / "flipped.safetensors", damaged);
    expect_refused(open(path("flipped.safetensors")), VITRINE_WEIGHTS, {"flipped.safetensors"});
  }
}

TEST_F(CArguments, Options) {
  TensorFile timm = to_tensor_file(drawn_, {});
  timm.metadata.clear();
  write_safetensors(folder / "timm.safetensors", timm);
  vitrine_network* network = nullptr;
  const auto open = [&](const vitrine_options& options) {
    return vitrine_open_with(path("timm.safetensors").c_str(), &options, &network);
  };
  vitrine_options options = VITRINE_OPTIONS;
  expect_refused(open(options), VITRINE_WEIGHTS, {"pass family timm"});
  options.family = "timm";
  options.input_size = 96;
  options.resize = 100;
  ASSERT_EQ(open(options), VITRINE_OK) << vitrine_last_error();
  EXPECT_EQ(vitrine_input_size(network), 96);
  EXPECT_EQ(vitrine_close(network), VITRINE_OK);
  const auto refused = [&](auto vitrine_options::*member, auto value, int status, const std::vector<std::string>& parts) {
    vitrine_options wrong = options;
    wrong.*member = value;
    expect_refused(open(wrong), status, parts);
    EXPECT_EQ(network, nullptr);
  };
  refused(&vitrine_options::size, std::size_t{0}, VITRINE_USAGE, {"VITRINE_OPTIONS"});
  refused(&vitrine_options::size, kHuge, VITRINE_USAGE, {"VITRINE_OPTIONS"});
  refused(&vitrine_options::family, "caffe", VITRINE_USAGE, {"family is 'caffe'", "torchvision"});
  refused(&vitrine_options::architecture, "b9", VITRINE_USAGE, {"b9"});
  refused(&vitrine_options::architecture, "b0", VITRINE_WEIGHTS, {"architecture lite0"});
  refused(&vitrine_options::padding, "reflect", VITRINE_USAGE, {"padding", "reflect"});
  refused(&vitrine_options::norm, "none", VITRINE_USAGE, {"norm", "none"});
  refused(&vitrine_options::interpolation, "cubic", VITRINE_USAGE, {"interpolation", "cubic"});
  for (const std::int64_t size : {std::int64_t{-1}, std::int64_t{100'000}, kMost, -kMost - 1}) {
    refused(&vitrine_options::resize, size, VITRINE_USAGE, {"resize"});
    refused(&vitrine_options::input_size, size, VITRINE_USAGE, {"input_size"});
  }
  refused(&vitrine_options::input_size, std::int64_t{101}, VITRINE_USAGE, {"input size 101"});
  refused(&vitrine_options::averaged, 2, VITRINE_USAGE, {"averaged is 2"});
  refused(&vitrine_options::averaged, 1, VITRINE_WEIGHTS, {"averaged"});
  const std::string long_name(1'000'000, 'b');
  refused(&vitrine_options::architecture, long_name.c_str(), VITRINE_USAGE, {});
  refused(&vitrine_options::family, "\xff\n\x1b[2J", VITRINE_USAGE, {});
}

TEST_F(CArguments, ErrorsBelongToTheirThread) {
  EXPECT_NE(vitrine_set_threads(0), VITRINE_OK);
  std::thread([] { EXPECT_STREQ(vitrine_last_error(), ""); }).join();
  EXPECT_STRNE(vitrine_last_error(), "");
  EXPECT_EQ(vitrine_classes(network_), kClasses);
  EXPECT_STREQ(vitrine_last_error(), "");
}

}  // namespace
}  // namespace vitrine::testing
