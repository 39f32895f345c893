// Photographs in a build without libjpeg-turbo or libpng: they are refused.
#include "base/error.h"
#include "data/photograph.h"

namespace vitrine {

struct PhotographReader::Process {};

namespace {

[[noreturn]] void refuse() {
  throw Error(
      ExitCode::runtime,
      "photographs need libjpeg-turbo and libpng, and this program was built without them; install libjpeg-dev and libpng-dev "
      "and build again (scripts/build does both)");
}

}  // namespace

PhotographReader::PhotographReader(bool) { refuse(); }

PhotographReader::~PhotographReader() = default;

Photograph PhotographReader::read(const std::filesystem::path&, const PhotographRequest&) { return {}; }

Photograph read_photograph(const std::filesystem::path& path, const PhotographRequest& request) {
  return PhotographReader(request.sandbox).read(path, request);
}

Photograph photograph_in_memory(std::string_view, const PhotographRequest&) { refuse(); }

bool can_read_photographs() { return false; }

}  // namespace vitrine
