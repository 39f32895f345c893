#include "data/photograph.h"

#include <cstring>
#include <new>

#include "base/error.h"
#include "base/file.h"
#include "base/sandbox.h"
#include "data/exif.h"
#include "data/photograph_decode.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kMemory = std::uint64_t{64} << 20;  // of a worker, beside what its picture needs
constexpr std::uint64_t kMostOfPixels =
    std::uint64_t{2} * kMaxPixels * 4;  // rows, or coefficients of two bytes, of four channels
constexpr int kSeconds = 20;

// To the worker, in its own machine's form.
struct Order {
  std::uint64_t bytes = 0;
  std::int64_t resize = 0, crop = 0, filter = 0;
};

// From the worker, in front of the pixels.
struct Answer {
  std::int64_t height = 0, width = 0;  // as stored
  std::int32_t orientation = 1, by_xmp = 0;
  std::int32_t no_end_mark = 0, damaged_behind = 0, details_missing = 0, zero = 0;
};

std::string decode_in_worker(int input, std::string_view order_bytes) {
  Order order;
  std::memcpy(&order, order_bytes.data(), sizeof order);
  const PhotographRequest request{order.resize, order.crop, order.filter == 0 ? Filter::bilinear : Filter::bicubic, true};
  const DecodedPhotograph decoded = decode_photograph(PhotographBytes(input, order.bytes), request);
  const PictureHeader& h = decoded.header;
  const PictureFlaws& f = decoded.flaws;
  const Answer answer{h.height, h.width, h.orientation, h.by_xmp, f.no_end_mark, f.damaged_behind, f.details_missing, 0};
  std::string bytes(sizeof answer + decoded.image.rgb.size(), '\0');
  std::memcpy(bytes.data(), &answer, sizeof answer);
  std::memcpy(bytes.data() + sizeof answer, decoded.image.rgb.data(), decoded.image.rgb.size());
  return bytes;
}

// Whatever the worker says is checked: it may have been taken over.
DecodedPhotograph checked(const std::string& bytes, const PhotographRequest& request) {
  Answer answer;
  const auto pixels = static_cast<std::size_t>(request.crop * request.crop * 3);
  if (bytes.size() != sizeof answer + pixels) throw DataError("its decoder gave an answer of another size");
  std::memcpy(&answer, bytes.data(), sizeof answer);
  const auto in = [](std::int64_t value, std::int64_t low, std::int64_t high) { return value >= low && value <= high; };
  if (!in(answer.height, 1, kMaxPixels) || !in(answer.width, 1, kMaxPixels) || answer.height * answer.width > kMaxPixels ||
      !in(answer.orientation, 1, 8))
    throw DataError("its decoder gave an answer that makes no sense");
  DecodedPhotograph decoded;
  decoded.header = {answer.height, answer.width, answer.orientation, answer.by_xmp != 0};
  decoded.flaws = {answer.no_end_mark != 0, answer.damaged_behind != 0, answer.details_missing != 0};
  decoded.image = {request.crop, request.crop, {}};
  decoded.image.rgb.assign(bytes.begin() + sizeof answer, bytes.end());
  return decoded;
}

std::string note_of(const DecodedPhotograph& decoded) {
  std::string note;
  const auto say = [&note](const std::string& what) { note += (note.empty() ? "" : "; ") + what; };
  if (decoded.header.orientation != 1)
    say(text("turned as its ", decoded.header.by_xmp ? "XMP" : "EXIF", " orientation ", decoded.header.orientation, " says"));
  if (decoded.flaws.no_end_mark) say("its end mark is missing, all of its rows are there");
  if (decoded.flaws.damaged_behind) say("what stands behind its rows is damaged");
  if (decoded.flaws.details_missing) say("its last scans are missing, which hold the finest details");
  return note;
}

Photograph looked_at(DecodedPhotograph decoded) {
  const bool transposed = turn_of(decoded.header.orientation).transposed;
  return {std::move(decoded.image), transposed ? decoded.header.width : decoded.header.height,
          transposed ? decoded.header.height : decoded.header.width, note_of(decoded)};
}

void check_sizes(const PhotographRequest& request) {
  if (request.crop > request.resize)
    throw ShapeError(text("a crop of ", request.crop, " pixels does not fit into a shorter side of ", request.resize));
}

// `work` on a process apart; where there can be none, its Error says what to do.
template <class Work>
auto with_advice(const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code() != ExitCode::runtime) throw;
    throw Error(ExitCode::runtime, text("pictures are decoded in a process of their own, and there is none: ", error.what(),
                                        "; --no-sandbox decodes in this process"));
  }
}

}  // namespace

struct PhotographReader::Process {
  Sandbox sandbox{decode_in_worker};

  DecodedPhotograph decode(const InputFile& file, const PhotographRequest& request);
};

DecodedPhotograph PhotographReader::Process::decode(const InputFile& file, const PhotographRequest& request) {
  const Order order{file.size(), request.resize, request.crop, request.filter == Filter::bilinear ? 0 : 1};
  const auto answer = static_cast<std::uint64_t>(request.crop * request.crop * 3) + sizeof(Answer);
  const SandboxLimits limits{kMemory + 2 * file.size() + kMostOfPixels + 4 * answer, kSeconds, answer};
  const std::string_view request_bytes(reinterpret_cast<const char*>(&order), sizeof order);
  const SandboxReply reply = with_advice([&] { return sandbox.run(file.descriptor(), request_bytes, limits); });
  switch (reply.kind) {
    case SandboxReply::Kind::done: break;
    case SandboxReply::Kind::out_of_memory: throw std::bad_alloc();
    case SandboxReply::Kind::stopped:
      throw DataError(text("its decoder ", printable(reply.text, 200), "; the picture is damaged or made to harm"));
    case SandboxReply::Kind::refused:
    case SandboxReply::Kind::failed: throw DataError(printable(reply.text, 240));
  }
  return checked(reply.text, request);
}

PhotographReader::PhotographReader(bool sandbox) {
  if (sandbox) process_ = with_advice([] { return std::make_unique<Process>(); });
}

PhotographReader::~PhotographReader() = default;

Photograph PhotographReader::read(const std::filesystem::path& path, const PhotographRequest& request) {
  check_sizes(request);
  try {
    const InputFile file(path, kMaxBytes);
    DecodedPhotograph decoded = process_ ? process_->decode(file, request)
                                         : decode_photograph(PhotographBytes(file.descriptor(), file.size()), request);
    file.read(0, {});  // refuses a file that has changed
    return looked_at(std::move(decoded));
  } catch (const FileError& error) {
    throw DataError(error.what());
  } catch (const DataError& error) {
    throw DataError(text(path, ": ", error.what()));
  }
}

Photograph read_photograph(const std::filesystem::path& path, const PhotographRequest& request) {
  return PhotographReader(request.sandbox).read(path, request);
}

Photograph photograph_in_memory(std::string_view bytes, const PhotographRequest& request) {
  check_sizes(request);
  return looked_at(decode_photograph(PhotographBytes(bytes), request));
}

bool can_read_photographs() { return true; }

}  // namespace vitrine
