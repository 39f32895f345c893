// Compressed frames of DICOM: JPEG, JPEG-LS and JPEG 2000 by GDCM's codecs, RLE by ourselves.
//
// What a stream says of its size is compared with the data set before a codec sees it, and how much came out afterwards: GDCM trusts both.
//
// Reference  DICOM PS3.5, annexes A.4 and G; ITU-T T.81 (SOF marker), T.87 (SOF55), T.800 (SIZ)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine::imaging {

struct DicomPixelFormat {
  std::int64_t rows = 0, columns = 0;
  int bits_allocated = 16, bits_stored = 16, high_bit = 15;
  bool is_signed = false;

  std::size_t cell_bytes() const { return static_cast<std::size_t>(bits_allocated) / 8; }
  std::size_t frame_bytes() const { return static_cast<std::size_t>(rows * columns) * cell_bytes(); }
};

// "JPEG 2000"; empty for a transfer syntax that is not read.
std::string transfer_syntax_name(std::string_view uid);
bool is_native(std::string_view uid);  // not compressed

// frame_bytes() bytes, cells little-endian. DataError beginning with `where` for a stream that is damaged or of another size.
std::string decompressed_frame(std::string_view transfer_syntax, std::string_view stream, const DicomPixelFormat& format,
                               const std::string& where);

}  // namespace vitrine::imaging
