#include "report/png.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace vitrine::report {
namespace {

// The memory of one picture being encoded. The encoder does not look at what it is given, so running out of it must not come back to it.
class Arena {
 public:
  static void* take(std::size_t bytes) {
    current->blocks_.push_back(std::make_unique<char[]>(bytes));
    return current->blocks_.back().get();
  }
  static void* grow(void* old, std::size_t old_bytes, std::size_t bytes) {
    void* const larger = take(bytes);
    if (old != nullptr) std::memcpy(larger, old, std::min(old_bytes, bytes));
    return larger;
  }
  static void leave(void*) {}  // all of it goes with the arena

  Arena() { current = this; }
  ~Arena() { current = nullptr; }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

 private:
  static thread_local Arena* current;
  std::vector<std::unique_ptr<char[]>> blocks_;
};
thread_local Arena* Arena::current = nullptr;

}  // namespace
}  // namespace vitrine::report

// The one place where the writer is compiled. Its own warnings are not ours.
#define STBIW_MALLOC vitrine::report::Arena::take
#define STBIW_REALLOC_SIZED vitrine::report::Arena::grow
#define STBIW_FREE vitrine::report::Arena::leave
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace vitrine::report {

std::string png_bytes(const Picture& picture) {
  const bool sound = picture.width > 0 && picture.height > 0 && (picture.channels == 1 || picture.channels == 3) &&
                     picture.pixels.size() == static_cast<std::size_t>(picture.width) *
                                                  static_cast<std::size_t>(picture.height) *
                                                  static_cast<std::size_t>(picture.channels);
  if (!sound)
    throw InternalError(text("png: a picture of ", picture.width, " x ", picture.height, " x ", picture.channels, " with ",
                             picture.pixels.size(), " values"));
  const Arena arena;
  std::string bytes;
  const auto append = [](void* target, void* data, int size) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
  };
  if (stbi_write_png_to_func(append, &bytes, picture.width, picture.height, picture.channels, picture.pixels.data(),
                             picture.width * picture.channels) == 0) {
    throw InternalError("png: the picture could not be encoded");
  }
  return bytes;
}

Picture grey_picture(const float* values, int width, int height, int zoom) {
  Picture picture{width * zoom, height * zoom, 1, {}};
  picture.pixels.reserve(static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height));
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double v = std::clamp(static_cast<double>(values[(y / zoom) * width + x / zoom]), 0.0, 1.0);
      picture.pixels.push_back(static_cast<std::uint8_t>(std::lround(v * 255)));
    }
  }
  return picture;
}

Picture side_by_side(const std::vector<Picture>& pictures, int gap) {
  if (pictures.empty()) throw InternalError("png: no pictures to put side by side");
  Picture result{0, pictures.front().height, pictures.front().channels, {}};
  for (const Picture& p : pictures) {
    if (p.height != result.height || p.channels != result.channels)
      throw InternalError("png: pictures side by side differ in height or channels");
    result.width += p.width;
  }
  result.width += gap * (static_cast<int>(pictures.size()) - 1);
  for (int y = 0; y < result.height; ++y) {
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      if (i > 0) result.pixels.insert(result.pixels.end(), static_cast<std::size_t>(gap * result.channels), 255);
      const auto row = static_cast<std::ptrdiff_t>(pictures[i].width) * result.channels;
      const auto first = pictures[i].pixels.begin() + y * row;
      result.pixels.insert(result.pixels.end(), first, first + row);
    }
  }
  return result;
}

}  // namespace vitrine::report
