#include "data/png_decoder.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "data/exif.h"
#include "data/png_chunks.h"
#include "data/resize_kernels.h"

namespace vitrine {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::int64_t kPixelBytes = kernels::kPixelBytes;

}  // namespace

// libpng's errors come back by longjmp: from its C code, through no frame of ours that owns anything.
struct PngDecoder::State {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf back;
  char message[160] = {};
  bool damaged = false;  // libpng went on, but about pixels
  bool out_of_memory = false;
  std::exception_ptr thrown;  // by our code that libpng called

  const PhotographBytes* bytes = nullptr;
  std::uint64_t at = 0, piece_at = 0, piece_size = 0;
  std::vector<char> piece;
  PngChunks chunks;
  PictureHeader header;
  Region region;
  std::int64_t next_row = 0;
  std::int64_t pixel_bytes = 1, sample_bytes = 1;          // of a row from libpng
  std::int64_t samples = 1;                                // that are taken of a pixel: 1 of grey and palettes, 3 of colour
  std::array<std::array<std::uint8_t, 4>, 256> colours{};  // of a sample, where there is one
  std::size_t colour_count = 256;
  std::vector<png_byte> raw;                   // a row from libpng
  std::unique_ptr<std::uint8_t[]> interlaced;  // the region's samples, a byte each
  std::vector<std::uint8_t> line, pixels;      // a row of the region, as samples and as pixels

  State() = default;
  ~State() { png_destroy_read_struct(&png, &info, nullptr); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  template <class Call>
  void guarded(const Call& call) {
    if (setjmp(back) != 0) raise();
    call();
  }
  [[noreturn]] void raise();
  [[noreturn]] void leave() { std::longjmp(back, 1); }
  void say(const char* what) { std::strncpy(message, what, sizeof message - 1); }
  void read(png_bytep out, std::size_t count);
  void create();
  void choose_form();
  void read_row(std::int64_t width);
  void take(std::int64_t first, std::int64_t count, std::int64_t step, std::uint8_t* out) const;
  const std::uint8_t* expanded(const std::uint8_t* in);
  void read_interlaced();
};

void PngDecoder::State::raise() {
  if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
  if (out_of_memory) throw std::bad_alloc();
  const std::string_view what = message;
  const auto says = [&](std::string_view part) { return what.find(part) != std::string_view::npos; };
  if (says("incorrect data check"))
    throw DataError("the checksum (Adler-32) of its pixels does not fit: it is damaged; copy it again");
  if (says("Not enough image data"))
    throw DataError("it is truncated or damaged: it holds fewer pixels than it announces; copy it again");
  if (says("Too much image data")) throw DataError("it is damaged: it holds more pixels than it announces");
  throw DataError(text("it is damaged or of a kind that is not read (libpng: ", printable(what, 120), ")"));
}

void PngDecoder::State::read(png_bytep out, std::size_t count) {
  while (count > 0) {
    if (at < piece_at || at >= piece_at + piece_size) {
      std::size_t n = 0;
      try {
        n = bytes->read(at, piece);
      } catch (...) {
        thrown = std::current_exception();
      }
      if (thrown) leave();
      if (n == 0) png_error(png, "Not enough image data");
      piece_at = at;
      piece_size = n;
    }
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(count, piece_at + piece_size - at));
    std::memcpy(out, piece.data() + (at - piece_at), n);
    out += n;
    at += n;
    count -= n;
  }
}

void PngDecoder::State::create() {
  const auto failed = [](png_structp png, png_const_charp what) {
    State* state = static_cast<State*>(png_get_error_ptr(png));
    state->say(what);
    state->leave();
  };
  // Of the warnings only those about pixels matter: metadata are not used, and bytes behind the last pixel's checksum mean nothing.
  const auto warned = [](png_structp png, png_const_charp what) {
    State* state = static_cast<State*>(png_get_error_ptr(png));
    const std::string_view text = what;
    if (text.find("IDAT") == text.npos || text.find("Extra compressed data") != text.npos || state->damaged) return;
    state->say(what);
    state->damaged = true;
  };
  const auto reserve = [](png_structp png, png_alloc_size_t count) -> png_voidp {
    void* memory = std::malloc(count);
    if (memory == nullptr) static_cast<State*>(png_get_mem_ptr(png))->out_of_memory = true;
    return memory;
  };
  const auto release = [](png_structp, png_voidp memory) { std::free(memory); };
  out_of_memory = true;  // the only thing that can go wrong here, but for another version of the library
  guarded([&] {
    png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, this, failed, warned, this, reserve, release);
    if (png != nullptr) info = png_create_info_struct(png);
  });
  if (info == nullptr) throw std::bad_alloc();
  out_of_memory = false;
}

// libpng unpacks samples of less than a byte and does no more: the rest is done for the pixels that are needed.
void PngDecoder::State::choose_form() {
  const int colour = png_get_color_type(png, info);
  if (colour == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(png);
  } else if (png_get_bit_depth(png, info) < 8) {
    png_set_expand_gray_1_2_4_to_8(png);
  }
  png_read_update_info(png, info);
  sample_bytes = png_get_bit_depth(png, info) / 8;
  pixel_bytes = png_get_channels(png, info) * sample_bytes;
  samples = (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) != 0 && colour != PNG_COLOR_TYPE_PALETTE ? 3 : 1;
  for (std::size_t i = 0; i < colours.size(); ++i) colours[i].fill(static_cast<std::uint8_t>(i));
  png_colorp palette = nullptr;
  int count = 0;
  if (colour != PNG_COLOR_TYPE_PALETTE || png_get_PLTE(png, info, &palette, &count) == 0) return;
  colour_count = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < colour_count; ++i) colours[i] = {palette[i].red, palette[i].green, palette[i].blue, 0};
}

// The next row, of so many pixels, into `raw`.
void PngDecoder::State::read_row(std::int64_t width) {
  guarded([this] { png_read_row(png, raw.data(), nullptr); });
  if (colour_count == colours.size()) return;
  const png_byte most = *std::max_element(raw.begin(), raw.begin() + width);
  if (most >= colour_count)
    throw DataError(text("it is damaged: a pixel has colour ", int{most}, " of a palette of ", colour_count));
}

// The samples of pixels first, first + 1, ... of `raw`, without alpha, as bytes, to every step-th place of `out`.
void PngDecoder::State::take(std::int64_t first, std::int64_t count, std::int64_t step, std::uint8_t* out) const {
  const png_byte* from = raw.data() + first * pixel_bytes;
  const std::int64_t stride = step * samples;
  for (std::int64_t i = 0; i < count; ++i, from += pixel_bytes, out += stride) {
    for (std::int64_t c = 0; c < samples; ++c) {
      out[c] = sample_bytes == 1 ? from[c]
                                 : static_cast<std::uint8_t>(((from[2 * c] * 256u + from[2 * c + 1]) * 255u + 32767u) / 65535u);
    }
  }
}

// A row of the region, of samples, as pixels of four bytes.
const std::uint8_t* PngDecoder::State::expanded(const std::uint8_t* in) {
  std::uint8_t* out = pixels.data();
  for (std::int64_t x = region.left; x < region.right; ++x, in += samples, out += kPixelBytes) {
    std::memcpy(out, samples == 1 ? colours[*in].data() : in, static_cast<std::size_t>(samples == 1 ? 4 : 3));
  }
  return pixels.data();
}

PngDecoder::PngDecoder(const PhotographBytes& bytes) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.bytes = &bytes;
  s.piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, bytes.size())));
  s.chunks = read_png_chunks(bytes);
  s.header.height = s.chunks.height;
  s.header.width = s.chunks.width;
  std::optional<int> orientation = exif_orientation(s.chunks.exif);
  if (!orientation) {
    orientation = xmp_orientation(s.chunks.xmp);
    s.header.by_xmp = orientation.has_value();
  }
  s.header.orientation = orientation.value_or(1);
  s.create();
  s.guarded([&s] {
    png_set_read_fn(s.png, &s, [](png_structp png, png_bytep out, std::size_t count) {
      static_cast<State*>(png_get_io_ptr(png))->read(out, count);
    });
    png_set_crc_action(s.png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // they have been compared
    png_set_keep_unknown_chunks(s.png, PNG_HANDLE_CHUNK_NEVER, nullptr,
                                -1);  // nor are other chunks than those of pixels looked at
    png_set_user_limits(s.png, 1'000'000, 1'000'000);
    png_set_chunk_malloc_max(s.png, 1 << 20);
    png_read_info(s.png, s.info);
    s.choose_form();
  });
}

PngDecoder::~PngDecoder() = default;

const PictureHeader& PngDecoder::header() const { return state_->header; }

// Adam7: seven smaller pictures, one after the other.
void PngDecoder::State::read_interlaced() {
  const std::int64_t columns = region.right - region.left;
  for (int pass = 0; pass < 7; ++pass) {
    const std::int64_t width = PNG_PASS_COLS(header.width, pass), height = PNG_PASS_ROWS(header.height, pass);
    if (width == 0) continue;
    const std::int64_t column = PNG_PASS_START_COL(pass), row = PNG_PASS_START_ROW(pass);
    const std::int64_t step = std::int64_t{1} << PNG_PASS_COL_SHIFT(pass),
                       row_step = std::int64_t{1} << PNG_PASS_ROW_SHIFT(pass);
    const std::int64_t first = std::max<std::int64_t>(0, (region.left - column + step - 1) / step);
    const std::int64_t last = std::min(width, (region.right - column + step - 1) / step);
    for (std::int64_t y = 0; y < height; ++y) {
      if (y % 64 == 0) check_interrupt("reading a picture");
      read_row(width);
      const std::int64_t stored = row + y * row_step;
      if (stored < region.top || stored >= region.bottom || last <= first) continue;
      const std::int64_t place = (stored - region.top) * columns + column + first * step - region.left;
      take(first, last - first, step, interlaced.get() + place * samples);
    }
  }
}

void PngDecoder::start(const Region& region) {
  State& s = *state_;
  s.region = region;
  s.raw.resize(png_get_rowbytes(s.png, s.info));
  const std::int64_t columns = region.right - region.left;
  s.pixels.resize(static_cast<std::size_t>(columns * kPixelBytes + kernels::kRowPadding));
  if (s.chunks.interlaced) {
    // Not filled: pages of rows that never arrive are never used.
    const std::int64_t samples = (region.bottom - region.top) * columns * s.samples;
    s.interlaced = std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(samples));
    return s.read_interlaced();
  }
  for (std::int64_t y = 0; y < region.top; ++y) {
    if (y % 64 == 0) check_interrupt("reading a picture");
    s.read_row(s.header.width);
  }
}

const std::uint8_t* PngDecoder::row() {
  State& s = *state_;
  const std::int64_t columns = s.region.right - s.region.left, y = s.next_row++;
  if (s.chunks.interlaced) return s.expanded(s.interlaced.get() + y * columns * s.samples);
  if (y % 64 == 0) check_interrupt("reading a picture");
  s.read_row(s.header.width);
  if (s.sample_bytes == 1 && s.pixel_bytes == s.samples) return s.expanded(s.raw.data() + s.region.left * s.samples);
  s.line.resize(static_cast<std::size_t>(columns * s.samples));
  s.take(s.region.left, columns, 1, s.line.data());
  return s.expanded(s.line.data());
}

PictureFlaws PngDecoder::finish() {
  State& s = *state_;
  for (std::int64_t y = s.region.bottom; y < s.header.height && !s.chunks.interlaced; ++y) {
    if (y % 64 == 0) check_interrupt("reading a picture");
    s.read_row(s.header.width);
  }
  s.guarded([&s] { png_read_end(s.png, nullptr); });
  if (s.damaged) s.raise();
  return {};
}

}  // namespace vitrine
