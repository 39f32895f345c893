#include "library/c/pictures.h"

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::c {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

}  // namespace

Photograph picture_of(const std::uint8_t* rgb, std::int64_t rows, std::int64_t columns, std::size_t stride,
                      const PhotographRequest& request) {
  Resampler resampler(rows, columns, {}, central_square(rows, columns, request.resize, request.crop), request.filter);
  const Region& needed = resampler.needed();
  const std::int64_t width = needed.right - needed.left;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width * kernels::kPixelBytes + kernels::kRowPadding));
  for (std::int64_t y = needed.top; y < needed.bottom; ++y) {
    const std::uint8_t* from = rgb + static_cast<std::size_t>(y) * stride + needed.left * 3;
    for (std::int64_t x = 0; x < width; ++x) std::memcpy(row.data() + x * kernels::kPixelBytes, from + x * 3, 3);
    resampler.row(row.data());
  }
  return {resampler.take(), rows, columns, {}};
}

Photograph picture_of(std::string_view bytes, const PhotographRequest& request) {
  try {
    return photograph_in_memory(bytes, request);
  } catch (const DataError& error) {
    throw DataError(text("the picture is refused: ", error.what()));
  }
}

Photograph picture_of_file(const std::filesystem::path& path, const PhotographRequest& request) {
  const std::string bytes = as<DataError>([&] { return read_file(path, kMostBytes); });
  try {
    return photograph_in_memory(bytes, request);
  } catch (const DataError& error) {
    throw DataError(text(path, ": ", error.what()));
  }
}

}  // namespace vitrine::c
