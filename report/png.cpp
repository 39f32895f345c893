#include "report/png.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>

#include "base/error.h"

namespace vitrine::report {
namespace {

// The writer's memory. It writes through what it is given without looking, so running out of memory has to be an exception; what it holds then
// is freed with the list that it stands in.
class Blocks {
 public:
  Blocks() : outer_(current_) { current_ = this; }
  ~Blocks() {
    for (Header* at = first_; at != nullptr;) {
      Header* const next = at->next;
      std::free(at);
      at = next;
    }
    current_ = outer_;
  }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  static void* resize(void* block, std::size_t bytes) {
    Header* const old = block == nullptr ? nullptr : static_cast<Header*>(block) - 1;
    if (old != nullptr) current_->remove(old);
    auto* const now = static_cast<Header*>(std::realloc(old, sizeof(Header) + bytes));
    if (now == nullptr && old != nullptr) current_->add(old);
    if (now == nullptr) throw std::bad_alloc();
    current_->add(now);
    return now + 1;
  }
  static void* make(std::size_t bytes) { return resize(nullptr, bytes); }
  static void release(void* block) {
    if (block == nullptr) return;
    Header* const old = static_cast<Header*>(block) - 1;
    current_->remove(old);
    std::free(old);
  }

 private:
  struct alignas(std::max_align_t) Header {
    Header *before, *next;
  };

  void add(Header* block) {
    block->before = nullptr;
    block->next = first_;
    if (first_ != nullptr) first_->before = block;
    first_ = block;
  }
  void remove(Header* block) {
    if (block->next != nullptr) block->next->before = block->before;
    (block->before != nullptr ? block->before->next : first_) = block->next;
  }

  Header* first_ = nullptr;
  Blocks* outer_;
  static thread_local Blocks* current_;
};

thread_local Blocks* Blocks::current_ = nullptr;

}  // namespace
}  // namespace vitrine::report

// The one place where the writer is compiled. Its own warnings are not ours.
#define STBIW_MALLOC vitrine::report::Blocks::make
#define STBIW_REALLOC vitrine::report::Blocks::resize
#define STBIW_FREE vitrine::report::Blocks::release
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
  const Blocks blocks;
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
