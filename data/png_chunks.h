// The chunks of a PNG file, before its pixels are decoded: whether all of it is there and unchanged, and what it announces.
//
// Reference  PNG (W3C, third edition), 5 Datastream structure, 11 Chunk specifications; RFC 1951 (1,032 bytes of pixels for a byte of file
//            at most: 258 bytes for two bits)
#pragma once

#include <cstdint>
#include <string>

#include "data/photograph_bytes.h"

namespace vitrine {

struct PngChunks {
  std::int64_t height = 0, width = 0;
  int depth = 0, colour = 0;  // as IHDR has them
  bool interlaced = false;
  std::string exif;  // of eXIf, or of what ImageMagick writes into a text instead ("Raw profile type exif")
  std::string xmp;
};

// DataError (the end of a sentence) naming the chunk and its place: a file that is cut, a checksum that does not fit, chunks in no PNG's order,
// more than a million pixels in a row or column or 64 million in all, and more pixels than the compressed bytes can hold. Reads the file
// once; keeps metadata of at most 256 KiB.
PngChunks read_png_chunks(const PhotographBytes& bytes);

}  // namespace vitrine
