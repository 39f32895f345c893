// Resampling: Pillow's bits, on every instruction set, whichever way a picture is stored.
#include "data/resize.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "data/exif.h"
#include "tensor/isa.h"

namespace vitrine::testing {
namespace {

ByteImage pattern(std::int64_t height, std::int64_t width) {
  ByteImage image{height, width, {}};
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < 3; ++c)
        image.rgb.push_back(static_cast<std::uint8_t>((y * 131 + x * 71 + c * 29 + x * y * 7) % 256));
  return image;
}

const std::uint8_t* pixel(const ByteImage& image, std::int64_t y, std::int64_t x) {
  return image.rgb.data() + (y * image.width + x) * 3;
}

// As it is looked at, from as it is stored.
ByteImage turned(const ByteImage& stored, const Turn& turn) {
  ByteImage image{turn.transposed ? stored.width : stored.height, turn.transposed ? stored.height : stored.width, {}};
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      const std::int64_t row = turn.transposed ? x : y, column = turn.transposed ? y : x;
      const std::uint8_t* p = pixel(stored, turn.rows_flipped ? stored.height - 1 - row : row,
                                    turn.columns_flipped ? stored.width - 1 - column : column);
      image.rgb.insert(image.rgb.end(), p, p + 3);
    }
  }
  return image;
}

ByteImage streamed(const ByteImage& stored, const Turn& turn, const Cut& cut, Filter filter) {
  Resampler resampler(stored.height, stored.width, turn, cut, filter);
  const Region& needed = resampler.needed();
  std::vector<std::uint8_t> row(static_cast<std::size_t>((needed.right - needed.left) * 4 + kernels::kRowPadding), 99);
  for (std::int64_t y = needed.top; y < needed.bottom; ++y) {
    for (std::int64_t x = needed.left; x < needed.right; ++x)
      std::copy_n(pixel(stored, y, x), 3, row.begin() + (x - needed.left) * 4);
    resampler.row(row.data());
  }
  return resampler.take();
}

TEST(Resize, KeepsConstantsAndIdentity) {
  const ByteImage image = pattern(5, 7);
  EXPECT_EQ(resize(image, 5, 7, Filter::bicubic).rgb, image.rgb);
  const ByteImage grey{9, 9, std::vector<std::uint8_t>(9 * 9 * 3, 77)};
  for (const std::uint8_t v : resize(grey, 4, 13, Filter::bicubic).rgb) EXPECT_EQ(v, 77);
  EXPECT_EQ(resize_and_crop(image, 10, 10, Filter::bicubic).rgb.size(), 300u);
  EXPECT_THROW(resize_and_crop(image, 5, 6, Filter::bicubic), ShapeError);
  EXPECT_THROW(resize(image, 0, 6, Filter::bicubic), ShapeError);
}

// Not one value differs, where docs/design.md asks for one grey level: both compute in the same whole numbers.
TEST(ResizeGolden, BothFiltersGivePillowsBits) {
  const ByteImage image = pattern(18, 24);
  const std::filesystem::path path = std::filesystem::path(VITRINE_SOURCE_DIR) / "tests/golden/resize.json";
  const Json rows = parse_json(read_file(path, 1u << 20));
  EXPECT_EQ(rows.size(), 14u);
  for (const Json& row : rows) {
    const Filter filter = row.at("filter") == "bilinear" ? Filter::bilinear : Filter::bicubic;
    const ByteImage ours = resize(image, row.at("height").get<int>(), row.at("width").get<int>(), filter);
    const auto theirs = row.at("rgb").get<std::vector<int>>();
    EXPECT_EQ(std::vector<int>(ours.rgb.begin(), ours.rgb.end()), theirs) << row.at("filter") << " " << row.at("height");
  }
}

TEST(Resize, EveryInstructionSetGivesTheSameBits) {
  const Isa before = active_isa();
  const ByteImage image = pattern(61, 143);
  for (const Filter filter : {Filter::bilinear, Filter::bicubic}) {
    for (const auto& [height, width] : {std::pair{17, 29}, {200, 5}, {61, 300}, {1, 1}}) {
      set_active_isa(Isa::scalar);
      const ByteImage expected = resize(image, height, width, filter);
      for (const Isa isa : {Isa::avx2, Isa::avx512}) {
        if (!isa_supported(isa)) continue;
        set_active_isa(isa);
        EXPECT_EQ(resize(image, height, width, filter).rgb, expected.rgb) << isa_name(isa) << " " << height << " x " << width;
      }
    }
  }
  set_active_isa(before);
}

TEST(Resize, ATurnedPictureIsResampledAsIfItHadBeenTurnedFirst) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Turn turn = turn_of(orientation);
    for (const auto& [height, width] : {std::pair{40, 23}, {23, 40}, {200, 31}, {7, 90}, {1, 5}}) {
      const ByteImage stored = pattern(height, width), looked_at = turned(stored, turn);
      const Cut cut = central_square(looked_at.height, looked_at.width, 30, 20);
      EXPECT_EQ(streamed(stored, turn, cut, Filter::bicubic).rgb, resize_and_crop(looked_at, 30, 20, Filter::bicubic).rgb)
          << orientation << " of " << height << " x " << width;
    }
  }
}

TEST(Resize, ACutIsThePartOfTheWhole) {
  const ByteImage image = pattern(50, 70), whole = resize(image, 33, 47, Filter::bicubic);
  const ByteImage part = streamed(image, {}, {33, 47, 5, 11, 9, 13}, Filter::bicubic);
  for (std::int64_t y = 0; y < 9; ++y)
    EXPECT_TRUE(std::equal(pixel(part, y, 0), pixel(part, y, 0) + 13 * 3, pixel(whole, y + 5, 11))) << y;
}

TEST(Resize, AStripNeedsNoMoreThanItsMiddle) {
  for (const std::int64_t n : {1000, 200'000, 1'000'000}) {
    const Resampler wide(1, n, {}, central_square(1, n, 256, 224), Filter::bicubic);
    EXPECT_LE(wide.needed().right - wide.needed().left, 6) << n;
    const Resampler tall(n, 1, turn_of(6), central_square(1, n, 256, 224), Filter::bilinear);
    EXPECT_LE(tall.needed().bottom - tall.needed().top, 6) << n;
  }
  const Resampler photo(3000, 4000, {}, central_square(3000, 4000, 256, 224), Filter::bicubic);
  EXPECT_NEAR(static_cast<double>(photo.needed().bottom - photo.needed().top), 3000 * 224 / 256.0, 48);
  EXPECT_NEAR(static_cast<double>(photo.needed().right - photo.needed().left), 3000 * 224 / 256.0, 48);
}

TEST(Resize, RowsTooManyAndTooFewAreOurOwnMistakes) {
  Resampler resampler(2, 2, {}, {2, 2, 0, 0, 2, 2}, Filter::bicubic);
  const std::vector<std::uint8_t> row(64);
  EXPECT_THROW(resampler.take(), InternalError);
  resampler.row(row.data());
  resampler.row(row.data());
  EXPECT_THROW(resampler.row(row.data()), InternalError);
  EXPECT_EQ(resampler.take().rgb.size(), 12u);
}

}  // namespace
}  // namespace vitrine::testing
