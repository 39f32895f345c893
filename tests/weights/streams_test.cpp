// Tensors read in pieces: the same values, statistics and checksums as of the whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "weights/checksum.h"
#include "weights/element_stream.h"
#include "weights/safetensors.h"
#include "weights/statistics.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

std::vector<double> numbers(std::int64_t count) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(std::sin(static_cast<double>(i)) * 1e3);
  return out;
}

std::vector<double> streamed(const StoredTensor& tensor) {
  std::vector<double> out;
  ElementStream stream(tensor);
  for (std::string_view piece = stream.next(); !piece.empty(); piece = stream.next()) {
    const std::size_t before = out.size();
    out.resize(before + piece.size() / dtype_bytes(tensor.type));
    decode<double>(tensor.type, piece, std::span(out).subspan(before));
  }
  return out;
}

// Sizes around the pieces of 64 Ki elements.
constexpr std::int64_t kSizes[] = {0, 1, 65'535, 65'536, 65'537, 200'000};

TEST(ElementStream, GivesEveryElementInOrder) {
  for (const std::int64_t count : kSizes) {
    const std::vector<double> values = numbers(count);
    const StoredTensor tensor = StoredTensor::from("t", Shape{count}, values);
    EXPECT_EQ(streamed(tensor), values);
    EXPECT_EQ(tensor.to_double(), values);
  }
}

TEST(ElementStream, ViewsAreWalkedInRowMajorOrder) {
  const StoredTensor whole = StoredTensor::from("t", Shape{300, 400}, numbers(120'000));
  StoredTensor turned = whole, column = whole, single = whole, cube = whole;
  turned.shape = Shape{400, 300};
  turned.strides = {1, 400};
  column.shape = Shape{300, 1};
  column.strides = {400, 7};
  column.offset = 3 * 8;
  single.shape = Shape{1, 1};
  single.strides = {std::int64_t{1} << 60, 5};
  cube.shape = Shape{10, 40, 300};
  cube.strides = {40, 1, 400};
  const std::vector<double> v = whole.to_double(), t = streamed(turned), c = streamed(column), q = streamed(cube);
  for (std::size_t i = 0; i < 400; ++i) {
    for (std::size_t k = 0; k < 300; ++k) ASSERT_EQ(t[i * 300 + k], v[k * 400 + i]);
  }
  for (std::size_t k = 0; k < 300; ++k) EXPECT_EQ(c[k], v[k * 400 + 3]);
  for (std::size_t i = 0; i < q.size(); ++i) ASSERT_EQ(q[i], v[i / 12'000 * 40 + i / 300 % 40 + i % 300 * 400]);
  EXPECT_EQ(streamed(single), std::vector<double>{v[0]});
  EXPECT_EQ(turned.bytes().size(), whole.bytes().size());
}

TEST(Statistics, OfPiecesAreThoseOfTheWhole) {
  for (const std::int64_t count : kSizes) {
    std::vector<double> values = numbers(count);
    if (count > 10) {
      values[3] = std::numeric_limits<double>::quiet_NaN();
      values.back() = -HUGE_VAL;
      values[5] = 0;
    }
    const TensorStatistics s = statistics_of(StoredTensor::from("t", Shape{count}, values));
    double sum = 0, squares = 0, finite = 0;
    for (const double v : values) {
      if (std::isfinite(v)) sum += v, ++finite;
    }
    const double mean = finite > 0 ? sum / finite : 0;
    for (const double v : values) squares += std::isfinite(v) ? (v - mean) * (v - mean) : 0;
    EXPECT_EQ(s.count, count);
    EXPECT_EQ(s.non_finite, count > 10 ? 2 : 0);
    EXPECT_EQ(s.mean, mean);
    EXPECT_EQ(s.sd, finite > 0 ? std::sqrt(squares / finite) : 0);
  }
}

TEST(Statistics, TheLargestDifferenceIsFoundAcrossTypesAndPieces) {
  std::vector<double> values = numbers(200'000);
  for (double& v : values) v = static_cast<float>(v);
  const StoredTensor a = StoredTensor::from("a", Shape{400, 500}, values);
  const StoredTensor b = StoredTensor::from("b", Tensor::from({400, 500}, std::vector<float>(values.begin(), values.end())));
  EXPECT_EQ(largest_difference(a, b), 0);
  for (const std::size_t at : {std::size_t{0}, std::size_t{65'536}, values.size() - 1}) {
    std::vector<double> changed = values;
    changed[at] += 0.5;
    EXPECT_EQ(largest_difference(StoredTensor::from("c", Shape{400, 500}, changed), b), 0.5);
    changed[at] = std::numeric_limits<double>::quiet_NaN();
    const StoredTensor nan = StoredTensor::from("c", Shape{400, 500}, changed);
    EXPECT_EQ(largest_difference(nan, b), HUGE_VAL);
    EXPECT_EQ(largest_difference(nan, nan), 0);
  }
}

TEST(Checksum, OfPiecesIsThatOfTheWhole) {
  std::string bytes;
  for (int i = 0; i < 200; ++i) bytes += static_cast<char>(i * 37);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view all = std::string_view(bytes).substr(0, length);
    for (const std::size_t step : {1u, 7u, 8u, 23u, 24u, 25u, 100u}) {
      Checksum sum;
      for (std::size_t at = 0; at < length; at += step) sum.update(all.substr(at, step));
      EXPECT_EQ(sum.hex(), checksum(all)) << length << " by " << step;
    }
  }
  // Of a file that an earlier version wrote: the format may not change.
  EXPECT_EQ(checksum("123456789"), "a4cd304508f4b80f872fcb77");
  EXPECT_EQ(checksum(""), "8c28b28a8c28b28a8c28b28a");
}

// Whatever bit of a file of Vitrine's own is flipped, header or data: it is refused, and what was damaged is named.
TEST(SealedFiles, EveryFlippedBitIsSeen) {
  TensorFile file;
  file.metadata = {{"format", "vitrine.1"}, {"vitrine.arch", "b0"}, {"note", "quotes \" and é"}};
  file.tensors.push_back(StoredTensor::from("weight", Shape{2, 3}, std::vector<double>{1, -2, 3.5, 0, 1e-40, 6}));
  file.tensors.push_back(StoredTensor::from("bias", Shape{2}, std::vector<std::int64_t>{-7, 1}));
  const std::string bytes = safetensors_bytes(sealed(file));
  const std::size_t data = bytes.size() - 64;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      std::string message = "nothing was refused";
      try {
        for (const StoredTensor& t : parse_safetensors(damaged, "x").tensors) t.to_float();
      } catch (const WeightsError& error) {
        message = error.what();
      }
      EXPECT_NE(message, "nothing was refused") << at << " bit " << bit;
      if (at >= data) {
        EXPECT_THAT(message, HasSubstr(at < data + 48 ? "the tensor 'weight' was changed" : "the tensor 'bias' was changed"));
      }
    }
  }
}

TEST(SealedFiles, DamageInAnyPieceIsSeenByEveryWayOfReading) {
  TensorFile file;
  file.tensors.push_back(StoredTensor::from("t", Shape{200'000}, numbers(200'000)));
  const std::string bytes = safetensors_bytes(sealed(file));
  for (const std::size_t back : {std::size_t{1}, std::size_t{500'000}, std::size_t{1'600'000}}) {
    std::string damaged = bytes;
    damaged[damaged.size() - back] = static_cast<char>(damaged[damaged.size() - back] ^ 4);
    const TensorFile read = parse_safetensors(damaged, "x");
    const StoredTensor& t = read.tensors[0];
    EXPECT_THROW(t.bytes(), WeightsError);
    EXPECT_THROW(t.to_float(), WeightsError);
    EXPECT_THROW(t.to_double(), WeightsError);
    EXPECT_THROW(statistics_of(t), WeightsError);
    EXPECT_THROW(largest_difference(t, t), WeightsError);
  }
}

}  // namespace
}  // namespace vitrine
