#include "data/photograph.h"

#include <cstring>

#include "base/error.h"
#include "base/file.h"

// The one place where the reader is compiled, for the two formats that are offered. Its own warnings are not ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;
constexpr std::int64_t kMaxPixels = 64'000'000;

bool is_png_or_jpeg(const std::string& bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1a\n") || bytes.starts_with("\xff\xd8\xff");
}

}  // namespace

Photograph read_photograph(const std::filesystem::path& path, const PhotographRequest& request) {
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxBytes); });
  if (!is_png_or_jpeg(bytes)) throw DataError(text(path, ": it is neither a PNG nor a JPEG file"));
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  if (stbi_info_from_memory(data, size, &width, &height, &channels) == 0) {
    throw DataError(text(path, ": its header cannot be read: ", stbi_failure_reason()));
  }
  if (static_cast<std::int64_t>(width) * height > kMaxPixels) {
    throw DataError(text(path, ": it has ", width, " x ", height, " pixels, at most ", kMaxPixels, " are allowed"));
  }
  stbi_uc* decoded = stbi_load_from_memory(data, size, &width, &height, &channels, 3);
  if (decoded == nullptr) throw DataError(text(path, ": it cannot be decoded: ", stbi_failure_reason()));
  ByteImage whole{height, width, {}};
  whole.rgb.assign(decoded, decoded + static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  stbi_image_free(decoded);
  return {resize_and_crop(whole, request.resize, request.crop, request.filter), height, width, {}};
}

}  // namespace vitrine
