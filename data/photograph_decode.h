// A picture's bytes to the square that the network sees: what runs in the worker of a sandbox, and is fuzzed.
#pragma once

#include "data/photograph.h"
#include "data/photograph_bytes.h"
#include "data/photograph_header.h"

namespace vitrine {

struct DecodedPhotograph {
  ByteImage image;
  PictureHeader header;
  PictureFlaws flaws;
};

// DataError (the end of a sentence that begins with the file's name), std::bad_alloc, Interrupted.
DecodedPhotograph decode_photograph(const PhotographBytes& bytes, const PhotographRequest& request);

}  // namespace vitrine
