#include "data/jpeg_decoder.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>  // before jpeglib.h, which needs it
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <jerror.h>
#include <jpeglib.h>

#include "base/error.h"
#include "base/interrupt.h"
#include "data/exif.h"
#include "data/resize_kernels.h"

namespace vitrine {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;
// What libjpeg is given at a time: with 512 bytes and more at hand it decodes by a way that takes codes that are in no table for zeros,
// without a word; the way that warns of them costs two per cent.
constexpr std::size_t kWindow = 511;
constexpr std::size_t kMostOfMetadata = std::size_t{1} << 20;
constexpr int kMaxScans = 500;
constexpr int kTooMuchWork = -1;  // beside libjpeg's codes
// Upsampled chroma looks two pixels aside; what lies further out does not matter.
constexpr std::int64_t kMargin = 16;

// Warnings that do not concern pixels.
bool is_harmless(int code) {
  return code == JWRN_EXTRANEOUS_DATA || code == JWRN_NOT_SEQUENTIAL || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
}

// Pillow's product of two fractions of 255, rounded.
std::uint32_t times(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

void cmyk_to_rgb(std::uint8_t* pixels, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i, pixels += 4) {
    const std::uint32_t k = pixels[3];
    for (int c = 0; c < 3; ++c) pixels[c] = static_cast<std::uint8_t>(k - times(255u - pixels[c], k));
  }
}

}  // namespace

// libjpeg's errors come back by longjmp: from its C code, through no frame of ours that owns anything.
struct JpegDecoder::State {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX] = {};
  int code = 0;               // of libjpeg's message
  std::exception_ptr thrown;  // by our code that libjpeg called

  const PhotographBytes* bytes = nullptr;
  std::uint64_t at = 0;                      // of the next piece
  std::size_t piece_size = 0, in_piece = 0;  // in_piece: handed out
  std::vector<JOCTET> piece;
  bool rows_done = false;
  PictureHeader header;
  PictureFlaws flaws;
  Region region;
  std::int64_t left = 0;  // where decoded rows begin
  std::vector<std::uint8_t> row;
  std::uint64_t visits = 0, most_visits = 0;  // of blocks in a file of several scans

  State() = default;
  ~State() { jpeg_destroy_decompress(&jpeg); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  static State& of(void* client) { return *static_cast<State*>(client); }

  template <class Call>
  void guarded(const Call& call) {
    if (setjmp(back) != 0) raise();
    call();
  }
  [[noreturn]] void raise();
  [[noreturn]] void leave() { std::longjmp(back, 1); }
  void fill();
  void skip(long count);
  void count_work();
  void check_header();
  void read_metadata();
};

void JpegDecoder::State::raise() {
  if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
  switch (code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE: throw std::bad_alloc();
    case JERR_INPUT_EOF:
      throw DataError(text("it is truncated: it ends after ", bytes->size(), " bytes, before its picture does; copy it again"));
    case JWRN_HIT_MARKER: throw DataError("it is truncated or damaged: the data of its pixels end early; copy it again");
    case kTooMuchWork:
      throw DataError(text("it has more scans than a picture of its size needs (", jpeg.input_scan_number,
                           " so far), which would take very long; it is damaged or made to mislead"));
    default: break;
  }
  throw DataError(text("it is damaged or of a kind that is not read (libjpeg: ", printable(message, 120), ")"));
}

// The next bytes of the file. Behind the last one stands an end mark of ours when all rows are there; otherwise the file is truncated.
void JpegDecoder::State::fill() {
  if (in_piece == piece_size) {
    try {
      piece_size = bytes->read(at, {reinterpret_cast<char*>(piece.data()), piece.size()});
    } catch (...) {
      thrown = std::current_exception();
    }
    if (thrown) leave();
    at += piece_size;
    in_piece = 0;
  }
  if (piece_size == 0) {
    code = JERR_INPUT_EOF;
    if (!rows_done) leave();
    flaws.no_end_mark = true;
    piece[0] = 0xff;
    piece[1] = JPEG_EOI;
    piece_size = 2;
  }
  source.next_input_byte = piece.data() + in_piece;
  source.bytes_in_buffer = std::min(kWindow, piece_size - in_piece);
  in_piece += source.bytes_in_buffer;
}

void JpegDecoder::State::skip(long count) {
  if (count <= 0) return;
  const auto wanted = static_cast<std::uint64_t>(count);
  if (wanted <= source.bytes_in_buffer) {
    source.next_input_byte += wanted;
    source.bytes_in_buffer -= static_cast<std::size_t>(wanted);
    return;
  }
  // What is left of the piece is read again: where the next byte lies is all that counts.
  at = at - (piece_size - in_piece) + (wanted - source.bytes_in_buffer);
  in_piece = piece_size = 0;
  source.bytes_in_buffer = 0;
}

// Called for each row of blocks of each scan, where a file has several: a small file can ask for many.
void JpegDecoder::State::count_work() {
  if (interrupt_requested()) {
    try {
      check_interrupt("reading a picture");
    } catch (...) {
      thrown = std::current_exception();
    }
    if (thrown) leave();
  }
  for (int i = 0; i < jpeg.comps_in_scan; ++i) {
    const jpeg_component_info* component = jpeg.cur_comp_info[i];
    visits += std::uint64_t{component->width_in_blocks} * static_cast<std::uint64_t>(component->v_samp_factor);
  }
  if (jpeg.input_scan_number <= kMaxScans && visits <= most_visits) return;
  code = kTooMuchWork;
  leave();
}

// What can be known before anything is reserved.
void JpegDecoder::State::check_header() {
  if (jpeg.data_precision != 8)
    throw DataError(text("it has ", jpeg.data_precision, " bits a channel, 8 are read; convert it to PNG first"));
  if (jpeg.num_components != 1 && jpeg.num_components != 3 && jpeg.num_components != 4)
    throw DataError(text("it has ", jpeg.num_components, " channels; 1 (grey), 3 (colour) or 4 (CMYK) are read"));
  header.height = jpeg.image_height;
  header.width = jpeg.image_width;
  if (header.height * header.width > kMaxPixels)
    throw DataError(text("it has ", header.width, " x ", header.height, " pixels, at most ", kMaxPixels, " are allowed"));
  std::uint64_t blocks = 0;
  for (int i = 0; i < jpeg.num_components; ++i) {
    const jpeg_component_info& component = jpeg.comp_info[i];
    blocks += std::uint64_t{component.width_in_blocks} * component.height_in_blocks;
  }
  if (blocks > bytes->size() * 8)
    throw DataError(text("it announces ", header.width, " x ", header.height, " pixels, more than its ", bytes->size(),
                         " bytes can hold; it is truncated or made to mislead"));
  most_visits = 4'000'000 + 8 * blocks + 4 * bytes->size();
}

// Of all the segments EXIF was cut into, and the last one of XMP.
void JpegDecoder::State::read_metadata() {
  constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  std::string exif;
  std::string_view xmp;
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.starts_with(kExif)) {
      if (exif.size() + data.size() <= kMostOfMetadata) exif += data.substr(kExif.size());
    } else if (data.starts_with(kXmp)) {
      xmp = data.substr(kXmp.size());
    }
  }
  std::optional<int> orientation = exif_orientation(exif);
  if (!orientation) {
    orientation = xmp_orientation(xmp);
    header.by_xmp = orientation.has_value();
  }
  header.orientation = orientation.value_or(1);
}

JpegDecoder::JpegDecoder(const PhotographBytes& bytes) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.bytes = &bytes;
  s.piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, bytes.size())));
  s.jpeg.err = jpeg_std_error(&s.errors);
  s.errors.error_exit = [](j_common_ptr jpeg) {
    State& state = State::of(jpeg->client_data);
    state.code = jpeg->err->msg_code;
    jpeg->err->format_message(jpeg, state.message);
    state.leave();
  };
  s.errors.emit_message = [](j_common_ptr jpeg, int level) {
    if (level < 0 && !is_harmless(jpeg->err->msg_code)) jpeg->err->error_exit(jpeg);
  };
  s.errors.output_message = [](j_common_ptr) {};
  s.jpeg.client_data = &s;
  s.source.init_source = [](j_decompress_ptr) {};
  s.source.fill_input_buffer = [](j_decompress_ptr jpeg) -> boolean {
    State::of(jpeg->client_data).fill();
    return TRUE;
  };
  s.source.skip_input_data = [](j_decompress_ptr jpeg, long count) { State::of(jpeg->client_data).skip(count); };
  s.source.resync_to_restart = jpeg_resync_to_restart;
  s.source.term_source = [](j_decompress_ptr) {};
  s.progress.progress_monitor = [](j_common_ptr jpeg) { State::of(jpeg->client_data).count_work(); };
  s.guarded([&s] {
    jpeg_create_decompress(&s.jpeg);
    s.jpeg.src = &s.source;
    s.jpeg.mem->max_memory_to_use = 0;  // whatever the environment says: `check_header` bounds it
    jpeg_save_markers(&s.jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&s.jpeg, TRUE);
  });
  s.check_header();
  s.read_metadata();
}

JpegDecoder::~JpegDecoder() = default;

const PictureHeader& JpegDecoder::header() const { return state_->header; }

void JpegDecoder::start(const Region& region) {
  State& s = *state_;
  s.region = region;
  const bool several_scans = jpeg_has_multiple_scans(&s.jpeg) != FALSE;
  s.jpeg.out_color_space = s.jpeg.num_components == 4 ? JCS_CMYK : JCS_EXT_RGBX;
  s.jpeg.dct_method = JDCT_ISLOW;
  s.jpeg.do_fancy_upsampling = TRUE;
  s.jpeg.progress = several_scans ? &s.progress : nullptr;
  s.guarded([&s] { jpeg_start_decompress(&s.jpeg); });
  s.jpeg.progress = nullptr;
  for (int i = 0; several_scans && i < s.jpeg.num_components; ++i) {
    // Its table is taken over with its first scan.
    const bool progressive = s.jpeg.coef_bits != nullptr, seen = s.jpeg.comp_info[i].quant_table != nullptr;
    if (!seen || (progressive && s.jpeg.coef_bits[i][0] < 0))
      throw DataError("it is truncated or damaged: a channel has no data; copy it again");
    for (int k = 0; progressive && k < DCTSIZE2; ++k) s.flaws.details_missing |= s.jpeg.coef_bits[i][k] != 0;
  }
  // libjpeg smooths a picture whose details are missing, which looks further aside.
  if (!s.flaws.details_missing) {
    auto x = static_cast<JDIMENSION>(std::max<std::int64_t>(0, region.left - kMargin));
    auto width = static_cast<JDIMENSION>(std::min(s.header.width, region.right + kMargin) - x);
    if (width < s.jpeg.output_width) {
      s.guarded([&s, &x, &width] { jpeg_crop_scanline(&s.jpeg, &x, &width); });
      s.left = x;
    }
  }
  s.row.resize(static_cast<std::size_t>(s.jpeg.output_width) * kernels::kPixelBytes + kernels::kRowPadding);
  if (region.top > 0) s.guarded([&s, &region] { jpeg_skip_scanlines(&s.jpeg, static_cast<JDIMENSION>(region.top)); });
}

const std::uint8_t* JpegDecoder::row() {
  State& s = *state_;
  if (s.jpeg.output_scanline % 64 == 0) check_interrupt("reading a picture");
  JSAMPROW row = s.row.data();
  s.guarded([&s, &row] { jpeg_read_scanlines(&s.jpeg, &row, 1); });
  std::uint8_t* pixels = s.row.data() + (s.region.left - s.left) * kernels::kPixelBytes;
  if (s.jpeg.out_color_space == JCS_CMYK) cmyk_to_rgb(pixels, s.region.right - s.region.left);
  return pixels;
}

PictureFlaws JpegDecoder::finish() {
  State& s = *state_;
  s.guarded([&s] {
    // Skipping to the very end would read nothing.
    const JDIMENSION left = s.jpeg.output_height - s.jpeg.output_scanline;
    if (left > 1) jpeg_skip_scanlines(&s.jpeg, left - 1);
    JSAMPROW row = s.row.data();
    if (left > 0) jpeg_read_scanlines(&s.jpeg, &row, 1);
  });
  s.rows_done = true;
  try {
    s.guarded([&s] { jpeg_finish_decompress(&s.jpeg); });
  } catch (const DataError&) {
    s.flaws.damaged_behind = true;
  }
  return s.flaws;
}

}  // namespace vitrine
