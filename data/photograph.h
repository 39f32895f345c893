// Photographs from disk as network inputs: PNG and JPEG, decoded and resized as Pillow does (data/jpeg_decoder.h, data/png_decoder.h,
// data/resize.h say how, and what each refuses).
//
// Turned      as EXIF or XMP say (1 to 8), as Pillow's ImageOps.exif_transpose does; a value that makes no sense counts as none
// Streamed    rows are decoded, resampled and dropped: only the central square is computed, and a strip of a million pixels takes as little
//             as one
// Bounds      files of 256 MiB, 64 million pixels, 20 seconds; memory at most 64 MiB + 2 * the file + 2 * what it really holds as pixels. What
//             a file announces is compared with what its bytes can hold before anything is reserved
// Apart       each picture is decoded in a process of its own that can do nothing else (base/sandbox.h). A decoder that crashes, hangs or
//             is taken over by a picture ends that process, and the picture is refused
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "data/resize.h"

namespace vitrine {

struct PhotographRequest {
  std::int64_t resize = 256;  // pixels of the shorter side
  std::int64_t crop = 224;    // of the central square
  Filter filter = Filter::bicubic;
  bool sandbox = true;  // decode in a process of its own
};

struct Photograph {
  ByteImage image;                     // the central square, RGB; grey has three equal channels
  std::int64_t height = 0, width = 0;  // of the whole picture, as it is looked at
  std::string note;                    // what was done besides: "turned as its EXIF orientation 6 says"; empty when nothing was
};

// Reads photographs, one after the other. Make it before the program has threads and much memory: the process from which pictures are
// decoded is forked here and stays as small as the program is now.
class PhotographReader {
 public:
  // Error (exit code 1) with the next step when no process can be confined here, or when this build has no decoders.
  explicit PhotographReader(bool sandbox);
  ~PhotographReader();

  // DataError naming the file, why it is refused and what to do: missing, no PNG or JPEG, too large, truncated, damaged, or its decoder
  // was stopped. std::bad_alloc, of the decoder too; Interrupted; Error when no process can be had. request.sandbox is not looked at.
  Photograph read(const std::filesystem::path& path, const PhotographRequest& request);

 private:
  struct Process;
  std::unique_ptr<Process> process_;  // none: in this process
};

// One photograph, as above.
Photograph read_photograph(const std::filesystem::path& path, const PhotographRequest& request);

// A picture that lies in memory, decoded in this process. DataError (the end of a sentence that begins with the picture), std::bad_alloc,
// Interrupted; Error when this build has no decoders.
Photograph photograph_in_memory(std::string_view bytes, const PhotographRequest& request);

bool can_read_photographs();  // built with libjpeg-turbo and libpng

}  // namespace vitrine
