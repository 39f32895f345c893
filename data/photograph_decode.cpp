#include "data/photograph_decode.h"

#include "base/error.h"
#include "data/exif.h"
#include "data/jpeg_decoder.h"
#include "data/photograph_kind.h"
#include "data/png_decoder.h"

namespace vitrine {
namespace {

constexpr std::size_t kHead = 512;

template <class Decoder>
DecodedPhotograph decode(Decoder decoder, const PhotographRequest& request) {
  const PictureHeader& header = decoder.header();
  const Turn turn = turn_of(header.orientation);
  const std::int64_t height = turn.transposed ? header.width : header.height,
                     width = turn.transposed ? header.height : header.width;
  Resampler resampler(header.height, header.width, turn, central_square(height, width, request.resize, request.crop),
                      request.filter);
  const Region& needed = resampler.needed();
  decoder.start(needed);
  for (std::int64_t y = needed.top; y < needed.bottom; ++y) resampler.row(decoder.row());
  const PictureFlaws flaws = decoder.finish();
  return {resampler.take(), header, flaws};
}

}  // namespace

DecodedPhotograph decode_photograph(const PhotographBytes& bytes, const PhotographRequest& request) {
  const std::string head = bytes.head(kHead);
  if (is_png(head)) return decode(PngDecoder(bytes), request);
  if (is_jpeg(head) && !head.starts_with("\xff\xd8\xff\xf7")) return decode(JpegDecoder(bytes), request);
  throw DataError(not_a_photograph(head));
}

}  // namespace vitrine
