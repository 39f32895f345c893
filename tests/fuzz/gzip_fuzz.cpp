// gzip streams, plain bytes too: read in large pieces or byte by byte, the same comes out, or the same refusal.
#include "imaging/formats/gzip.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

using namespace vitrine;

namespace {

constexpr std::size_t kMost = std::size_t{1} << 16;

std::string outcome(const testing::MemoryFile& file, std::size_t piece) {
  std::string out;
  try {
    imaging::InflatingFile in(file.path(), kMost);
    std::string buffer(piece, '\0');
    for (std::size_t got = piece; got == piece && out.size() < kMost;) {
      got = in.read(buffer);
      out.append(buffer, 0, got);
      if (out.size() > in.most_bytes()) std::abort();
    }
  } catch (const DataError& error) {
    if (std::string(error.what()).size() < 10) std::abort();
    return "refused";
  }
  return out.substr(0, kMost);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const testing::MemoryFile file(testing::bytes_of(data, size));
  const std::string whole = outcome(file, kMost);
  if (whole.size() < 4096 && outcome(file, 1) != whole) std::abort();
  return 0;
}
