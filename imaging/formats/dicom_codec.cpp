#include "imaging/formats/dicom_codec.h"

#include <gdcmDataElement.h>
#include <gdcmFragment.h>
#include <gdcmImageCodec.h>
#include <gdcmJPEG2000Codec.h>
#include <gdcmJPEGCodec.h>
#include <gdcmJPEGLSCodec.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmTrace.h>

#include <algorithm>
#include <new>

#include "base/error.h"

namespace vitrine::imaging {
namespace {

struct Syntax {
  const char* uid;
  const char* name;
};
constexpr Syntax kSyntaxes[] = {
    {"1.2.840.10008.1.2", "implicit little-endian"},   {"1.2.840.10008.1.2.1", "explicit little-endian"},
    {"1.2.840.10008.1.2.2", "explicit big-endian"},    {"1.2.840.10008.1.2.5", "RLE"},
    {"1.2.840.10008.1.2.4.50", "JPEG, lossy"},         {"1.2.840.10008.1.2.4.51", "JPEG, lossy, 12 bit"},
    {"1.2.840.10008.1.2.4.57", "JPEG, lossless"},      {"1.2.840.10008.1.2.4.70", "JPEG, lossless, first order"},
    {"1.2.840.10008.1.2.4.80", "JPEG-LS, lossless"},   {"1.2.840.10008.1.2.4.81", "JPEG-LS, near-lossless"},
    {"1.2.840.10008.1.2.4.90", "JPEG 2000, lossless"}, {"1.2.840.10008.1.2.4.91", "JPEG 2000"}};

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw DataError(text(where, ": ", what, "; copy or export the file again"));
}

// What a compressed stream says of itself.
struct StreamSize {
  std::uint64_t rows = 0, columns = 0;
  int bits = 0, components = 0;
};

class StreamReader {
 public:
  StreamReader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}
  std::uint64_t big_endian(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at) refuse(where_, "the compressed stream ends within its header");
    std::uint64_t value = 0;
    for (std::size_t n = 0; n < count; ++n) value = value << 8 | static_cast<unsigned char>(bytes_[at + n]);
    return value;
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
  const std::string& where_;
};

// The frame header (SOF) of JPEG and JPEG-LS.
StreamSize jpeg_size(const StreamReader& stream, const std::string& where) {
  if (stream.big_endian(0, 2) != 0xFFD8) refuse(where, "the compressed stream does not begin as JPEG does");
  for (std::size_t at = 2;;) {
    if (stream.big_endian(at, 1) != 0xFF) refuse(where, "the compressed stream is damaged (a marker of JPEG is expected)");
    const auto marker = static_cast<int>(stream.big_endian(at + 1, 1));
    if (marker == 0xFF) {  // filling
      ++at;
      continue;
    }
    const bool is_frame =
        marker == 0xF7 || (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC);
    if (is_frame) {
      return {stream.big_endian(at + 5, 2), stream.big_endian(at + 7, 2), static_cast<int>(stream.big_endian(at + 4, 1)),
              static_cast<int>(stream.big_endian(at + 9, 1))};
    }
    if (marker == 0xDA || marker == 0xD9) refuse(where, "the compressed stream has no frame header");
    at += 2 + static_cast<std::size_t>(std::max<std::uint64_t>(2, stream.big_endian(at + 2, 2)));
  }
}

// The SIZ segment of JPEG 2000; the codestream may lie in the boxes of a .jp2 file.
StreamSize jpeg_2000_size(const StreamReader& stream, const std::string& where) {
  constexpr std::string_view kStart("\xFF\x4F\xFF\x51", 4);
  const std::size_t at = stream.bytes().substr(0, 4096).find(kStart);
  if (at == std::string_view::npos) refuse(where, "the compressed stream does not begin as JPEG 2000 does");
  const std::uint64_t x = stream.big_endian(at + 8, 4), y = stream.big_endian(at + 12, 4);
  const std::uint64_t x0 = stream.big_endian(at + 16, 4), y0 = stream.big_endian(at + 20, 4);
  const auto bits = static_cast<int>(stream.big_endian(at + 42, 1) & 0x7F) + 1;
  return {y - std::min(y, y0), x - std::min(x, x0), bits, static_cast<int>(stream.big_endian(at + 40, 2))};
}

void check_size(const StreamSize& s, const DicomPixelFormat& f, const std::string& where) {
  const bool same = s.rows == static_cast<std::uint64_t>(f.rows) && s.columns == static_cast<std::uint64_t>(f.columns);
  if (!same || s.components != 1) {
    refuse(where, text("the compressed stream holds ", s.columns, " x ", s.rows, " pixels of ", s.components,
                       " components, expected ", f.columns, " x ", f.rows, " of 1 as the fields Columns and Rows say"));
  }
  if (s.bits < 1 || s.bits > f.bits_allocated || (s.bits <= 8) != (f.bits_allocated <= 8))
    refuse(where, text("the compressed stream holds pixels of ", s.bits,
                       " bits, expected as many bytes as field BitsAllocated says (", f.bits_allocated, " bits)"));
}

// PackBits of each byte of the cells, the highest first (PS3.5, annex G).
std::string rle_frame(std::string_view stream, const DicomPixelFormat& format, const std::string& where) {
  const auto word = [&](std::size_t at) {
    if (at + 4 > stream.size()) refuse(where, "the RLE stream ends within its header");
    std::uint32_t value = 0;
    for (std::size_t n = 4; n-- > 0;) value = value << 8 | static_cast<unsigned char>(stream[at + n]);
    return value;
  };
  const std::size_t cells = format.frame_bytes() / format.cell_bytes(), planes = format.cell_bytes();
  if (word(0) != planes) refuse(where, text("the RLE stream has ", word(0), " segments, expected ", planes));
  std::string out(format.frame_bytes(), '\0');
  for (std::size_t plane = 0; plane < planes; ++plane) {
    std::size_t at = word(4 + 4 * plane), done = 0;
    const std::size_t end = plane + 1 < planes ? std::min<std::size_t>(word(8 + 4 * plane), stream.size()) : stream.size();
    char* const target = out.data() + (planes - 1 - plane);
    while (done < cells) {
      if (at >= end)
        refuse(where, text("segment ", plane + 1, " of the RLE stream ends after ", done, " of ", cells, " bytes"));
      const auto control = static_cast<signed char>(stream[at++]);
      if (control == -128) continue;
      const std::size_t count = std::min(cells - done, static_cast<std::size_t>(control < 0 ? 1 - control : 1 + control));
      if (at + (control < 0 ? 1 : count) > end)
        refuse(where, text("segment ", plane + 1, " of the RLE stream ends within a run"));
      for (std::size_t n = 0; n < count; ++n) target[(done + n) * planes] = stream[control < 0 ? at : at + n];
      at += control < 0 ? 1 : static_cast<std::size_t>(1 + control);
      done += count;
    }
  }
  return out;
}

// A cut stream: the codecs fill up what is missing and only print a line. JPEG, JPEG-LS and JPEG 2000 end with the same two bytes.
void check_end(std::string_view stream, const std::string& where) {
  const std::size_t last = stream.find_last_not_of('\0');
  if (last == stream.npos || !stream.substr(0, last + 1).ends_with("\xFF\xD9"))
    refuse(where, "the compressed stream has no end mark (truncated)");
}

bool decode(gdcm::ImageCodec& codec, const DicomPixelFormat& format, const gdcm::DataElement& in, gdcm::DataElement& out) {
  const unsigned dimensions[3] = {static_cast<unsigned>(format.columns), static_cast<unsigned>(format.rows), 1};
  codec.SetNumberOfDimensions(2);
  codec.SetDimensions(dimensions);
  codec.SetPixelFormat(gdcm::PixelFormat(1, static_cast<unsigned short>(format.bits_allocated),
                                         static_cast<unsigned short>(format.bits_stored),
                                         static_cast<unsigned short>(format.high_bit), format.is_signed ? 1 : 0));
  codec.SetPhotometricInterpretation(gdcm::PhotometricInterpretation::MONOCHROME2);
  codec.SetPlanarConfiguration(0);
  return codec.Decode(in, out);
}

std::string gdcm_frame(std::string_view syntax, std::string_view stream, const DicomPixelFormat& format,
                       const std::string& where) {
  gdcm::Trace::DebugOff();
  gdcm::Trace::WarningOff();
  gdcm::Trace::ErrorOff();
  gdcm::Fragment fragment;
  fragment.SetByteValue(stream.data(), static_cast<std::uint32_t>(stream.size()));
  const gdcm::SmartPointer<gdcm::SequenceOfFragments> fragments = new gdcm::SequenceOfFragments;
  fragments->AddFragment(fragment);
  gdcm::DataElement in(gdcm::Tag(0x7FE0, 0x0010)), out(gdcm::Tag(0x7FE0, 0x0010));
  in.SetVR(gdcm::VR::OB);
  in.SetValue(*fragments);
  bool whole = false;
  try {
    if (syntax.starts_with("1.2.840.10008.1.2.4.8")) {
      gdcm::JPEGLSCodec codec;
      codec.SetBufferLength(format.frame_bytes());
      whole = decode(codec, format, in, out);
    } else if (syntax.starts_with("1.2.840.10008.1.2.4.9")) {
      gdcm::JPEG2000Codec codec;
      whole = decode(codec, format, in, out);
    } else {
      gdcm::JPEGCodec codec;
      whole = decode(codec, format, in, out);
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    refuse(where, text("the compressed stream cannot be read (", printable(error.what()), ")"));
  }
  const gdcm::ByteValue* bytes = whole ? out.GetByteValue() : nullptr;
  const std::size_t got = bytes == nullptr ? 0 : static_cast<std::size_t>(bytes->GetLength());
  const std::size_t wanted = format.frame_bytes();
  if (got != wanted && got != wanted + wanted % 2)  // GDCM pads to an even length
    refuse(where, text("the compressed stream gave ", got, " bytes, expected ", wanted, " (it is damaged)"));
  return {bytes->GetPointer(), wanted};
}

}  // namespace

std::string transfer_syntax_name(std::string_view uid) {
  for (const Syntax& s : kSyntaxes) {
    if (uid == s.uid) return s.name;
  }
  return {};
}

bool is_native(std::string_view uid) {
  return uid == "1.2.840.10008.1.2" || uid == "1.2.840.10008.1.2.1" || uid == "1.2.840.10008.1.2.2";
}

std::string decompressed_frame(std::string_view syntax, std::string_view stream, const DicomPixelFormat& format,
                               const std::string& where) {
  if (syntax == "1.2.840.10008.1.2.5") return rle_frame(stream, format, where);
  const StreamReader reader(stream, where);
  check_size(syntax.starts_with("1.2.840.10008.1.2.4.9") ? jpeg_2000_size(reader, where) : jpeg_size(reader, where), format,
             where);
  check_end(stream, where);
  return gdcm_frame(syntax, stream, format, where);
}

}  // namespace vitrine::imaging
