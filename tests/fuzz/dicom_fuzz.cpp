// DICOM data sets: what is accepted has frames whose native pixels lie inside the file.
#include "imaging/formats/dicom_frames.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

using namespace vitrine;

// The codecs of GDCM are no part of this target: every compressed stream is refused.
namespace vitrine::imaging {
std::string decompressed_frame(std::string_view, std::string_view, const DicomPixelFormat&, const std::string& where) {
  throw DataError(where + ": compressed");
}
}  // namespace vitrine::imaging

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const testing::MemoryFile memory(testing::bytes_of(data, size));
  imaging::is_dicom_file(memory.path());
  testing::accept_or_refuse<DataError>([&] {
    const imaging::DicomFile file = imaging::read_dicom_file(memory.path());
    const InputFile opened(memory.path(), size);
    for (std::size_t n = 0; n < std::min<std::size_t>(file.frames.size(), 16); ++n) {
      if (imaging::stored_frame(opened, file, n).size() != file.format.frame_bytes()) std::abort();
    }
  });
  return 0;
}
