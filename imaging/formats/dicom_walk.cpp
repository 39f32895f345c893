#include "imaging/formats/dicom_dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/sha256.h"
#include "imaging/formats/dicom_tags.h"

namespace vitrine::imaging {
namespace {

using namespace dicom;

constexpr std::size_t kWindow = std::size_t{64} << 10;
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;
constexpr std::uint64_t kLongestValue = 64 * 1024;
constexpr std::size_t kMostValues = 1'000'000;  // of one file: 10,000 frames have some 300,000
constexpr std::size_t kMostFragments = 1'000'000;
constexpr int kDeepest = 16;

std::size_t bytes_of(Kind kind) { return kind == Kind::u16 ? 2 : kind == Kind::u32 ? 4 : kind == Kind::f64 ? 8 : 1; }

bool is_vr(std::string_view vr) { return vr.size() == 2 && vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z'; }

bool has_long_length(std::string_view vr) {
  for (const char* one : {"OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UC", "UR", "UT", "UN", "SV", "UV"}) {
    if (vr == one) return true;
  }
  return false;
}

// How elements are written.
struct Syntax {
  bool is_explicit = true, big_endian = false;
};

struct Element {
  std::uint32_t tag = 0;
  std::string vr;  // empty: implicit
  std::uint32_t length = 0;
  std::uint64_t value = 0;  // offset
};

// Walks a file through a window.
class Walk {
 public:
  explicit Walk(const InputFile& file) : file_(file) {}

  DicomHeader header();

 private:
  std::string_view bytes(std::uint64_t offset, std::size_t count);  // which the file must have
  template <class T>
  T number(std::uint64_t offset, bool big_endian);
  [[noreturn]] void refuse(std::uint64_t offset, const std::string& what) const {
    throw DataError(text(file_.path(), ": byte ", offset, " of the DICOM data set: ", what, "; copy or export the file again"));
  }
  bool begins_with(std::uint64_t offset, Syntax& syntax);
  void meta(DicomHeader& header);
  Element element(std::uint64_t at, std::uint64_t end, const Syntax& syntax);
  // Elements from `at` to `end` or to the end of their item; gives the offset behind. `out` null: passed over.
  std::uint64_t elements(std::uint64_t at, std::uint64_t end, const Syntax& syntax, int depth, DicomDataSet* out,
                         DicomHeader* top);
  std::uint64_t items(const Element& element, std::uint64_t end, const Syntax& syntax, int depth,
                      std::vector<DicomDataSet>* out);
  void keep(const Element& element, const Known& what, const Syntax& syntax, DicomDataSet& out);
  void pixels(const Element& element, std::uint64_t end, const Syntax& syntax, DicomHeader& top);

  const InputFile& file_;
  std::string window_;
  std::uint64_t start_ = 0;  // of the window
  std::size_t values_ = 0;
  std::uint64_t data_start_ = 0;
  Syntax syntax_;
};

std::string_view Walk::bytes(std::uint64_t offset, std::size_t count) {
  if (offset > file_.size() || count > file_.size() - offset) refuse(offset, "the file ends too early (truncated)");
  if (offset < start_ || offset + count > start_ + window_.size()) {
    window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(count, kWindow), file_.size() - offset)));
    start_ = offset;
    as<DataError>([&] { file_.read(offset, std::span<char>(window_)); });
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset - start_), count);
}

template <class T>
T Walk::number(std::uint64_t offset, bool big_endian) {
  char raw[sizeof(T)];
  std::memcpy(raw, bytes(offset, sizeof(T)).data(), sizeof(T));
  if (big_endian) std::reverse(raw, raw + sizeof(T));
  T value;
  std::memcpy(&value, raw, sizeof(T));
  return value;
}

Element Walk::element(std::uint64_t at, std::uint64_t end, const Syntax& syntax) {
  Element e;
  const auto group = number<std::uint16_t>(at, syntax.big_endian);
  const auto second = number<std::uint16_t>(at + 2, syntax.big_endian);
  e.tag = std::uint32_t{group} << 16 | second;
  if (!syntax.is_explicit || group == 0xFFFE) {
    e.length = number<std::uint32_t>(at + 4, syntax.big_endian);
    e.value = at + 8;
  } else {
    e.vr = bytes(at + 4, 2);
    if (!is_vr(e.vr)) refuse(at + 4, text("'", printable(e.vr), "' is no value representation, expected two capitals"));
    const bool is_long = has_long_length(e.vr);
    e.length = is_long ? number<std::uint32_t>(at + 8, syntax.big_endian) : number<std::uint16_t>(at + 6, syntax.big_endian);
    e.value = at + (is_long ? 12 : 8);
  }
  if (e.length != kUndefined && (e.value > end || e.length > end - e.value))
    refuse(at, text("an element announces ", e.length, " bytes and ", end - std::min(end, e.value), " are left (truncated)"));
  return e;
}

void Walk::keep(const Element& e, const Known& what, const Syntax& syntax, DicomDataSet& out) {
  if (e.length > kLongestValue) return;
  if (++values_ > kMostValues)
    refuse(e.value, text("there are more than ", kMostValues, " elements of interest, no image has so many"));
  std::string value(bytes(e.value, e.length));
  const std::size_t width = bytes_of(what.kind);
  if (syntax.big_endian && width > 1) {
    for (std::size_t at = 0; at + width <= value.size(); at += width)
      std::reverse(value.begin() + static_cast<std::ptrdiff_t>(at), value.begin() + static_cast<std::ptrdiff_t>(at + width));
  }
  out.values.insert_or_assign(e.tag, std::move(value));
}

std::uint64_t Walk::items(const Element& sequence, std::uint64_t end, const Syntax& syntax, int depth,
                          std::vector<DicomDataSet>* out) {
  if (depth > kDeepest) refuse(sequence.value, text("sequences lie more than ", kDeepest, " deep in each other"));
  const bool undefined = sequence.length == kUndefined;
  const std::uint64_t last = undefined ? end : sequence.value + sequence.length;
  std::uint64_t at = sequence.value;
  while (undefined || at < last) {
    const Element item = element(at, last, syntax);
    if (item.tag == kSequenceEnd && undefined) return item.value;
    if (item.tag != kItem) refuse(at, "an item of a sequence is expected");
    DicomDataSet* inside = nullptr;
    if (out != nullptr) {
      if (++values_ > kMostValues)
        refuse(at, text("there are more than ", kMostValues, " elements of interest, no image has so many"));
      inside = &out->emplace_back();
    }
    if (item.length == kUndefined) {
      at = elements(item.value, last, syntax, depth + 1, inside, nullptr);
    } else {
      if (inside != nullptr) elements(item.value, item.value + item.length, syntax, depth + 1, inside, nullptr);
      at = item.value + item.length;
    }
  }
  return at;
}

void Walk::pixels(const Element& e, std::uint64_t end, const Syntax& syntax, DicomHeader& top) {
  DicomPixels& pixels = top.pixels.emplace();
  pixels.encapsulated = e.length == kUndefined;
  pixels.whole = {e.value, e.length};
  if (!pixels.encapsulated) return;
  bool is_table = true;
  for (std::uint64_t at = e.value;; is_table = false) {
    const Element item = element(at, end, syntax);
    if (item.tag == kSequenceEnd) return;
    if (item.tag != kItem || item.length == kUndefined) refuse(at, "a fragment of compressed pixels is expected");
    at = item.value + item.length;
    if (!is_table) {
      if (pixels.fragments.size() == kMostFragments)
        refuse(item.value, text("there are more than ", kMostFragments, " fragments of pixels"));
      pixels.fragments.push_back({item.value, item.length});
      continue;
    }
    if (item.length / 4 > kMostFragments) refuse(item.value, "the table of offsets is too long");
    for (std::uint64_t n = 0; n + 4 <= item.length; n += 4)
      pixels.frame_starts.push_back(number<std::uint32_t>(item.value + n, syntax.big_endian));
  }
}

std::uint64_t Walk::elements(std::uint64_t at, std::uint64_t end, const Syntax& syntax, int depth, DicomDataSet* out,
                             DicomHeader* top) {
  while (at + 8 <= end) {
    const Element e = element(at, end, syntax);
    if (e.tag == kItemEnd || e.tag == kSequenceEnd) return e.value;
    if (top != nullptr && (e.tag == kPixelData || e.tag == kFloatPixelData || e.tag == kDoublePixelData)) {
      if (e.tag == kPixelData) pixels(e, end, syntax, *top);
      return end;
    }
    const Known* what = known(e.tag);
    const bool is_sequence = e.vr == "SQ" || e.length == kUndefined || (what != nullptr && what->kind == Kind::sequence);
    if (is_sequence) {
      std::vector<DicomDataSet>* kept = nullptr;
      if (out != nullptr && what != nullptr && what->kind == Kind::sequence) kept = &out->sequences[e.tag];
      const bool is_skipped = kept == nullptr && e.length != kUndefined;
      // PS3.5, section 6.2.2: a sequence whose VR is UN is written as implicit little-endian.
      const Syntax inside = e.vr == "UN" ? Syntax{false, false} : syntax;
      at = is_skipped ? e.value + e.length : items(e, end, inside, depth + 1, kept);
      continue;
    }
    if (out != nullptr && what != nullptr) keep(e, *what, syntax, *out);
    at = e.value + e.length;
  }
  return depth == 0 ? end : at;
}

// Whether a data set begins at `offset`, and in which way it is written.
bool Walk::begins_with(std::uint64_t offset, Syntax& syntax) {
  if (file_.size() < offset + 16) return false;
  const std::string_view head = bytes(offset, 8);
  const auto group = static_cast<unsigned char>(head[0]) | static_cast<unsigned char>(head[1]) << 8;
  syntax = {is_vr(head.substr(4, 2)), false};
  if (group == 0x0008 || group == 0x0002) return syntax.is_explicit || number<std::uint32_t>(offset + 4, false) <= 256;
  if (group == 0x0800 && syntax.is_explicit) {
    syntax.big_endian = true;
    return true;
  }
  return false;
}

void Walk::meta(DicomHeader& header) {
  std::uint64_t at = 0;
  if (file_.size() >= 132 && bytes(128, 4) == "DICM") at = 132;
  constexpr Syntax kMeta{true, false};
  while (at + 8 <= file_.size() && number<std::uint16_t>(at, false) == 2) {
    const Element e = element(at, file_.size(), kMeta);
    if (e.length == kUndefined) refuse(at, "an element of the file's own header has no length");
    if (e.tag == kTransferSyntaxUid) keep(e, *known(e.tag), kMeta, header.data);
    at = e.value + e.length;
  }
  data_start_ = at;
  header.transfer_syntax = header.data.text(kTransferSyntaxUid);
  if (header.transfer_syntax.empty()) {
    if (!begins_with(at, syntax_)) refuse(at, "neither a transfer syntax (0002,0010) nor the beginning of a data set is there");
    header.transfer_syntax = !syntax_.is_explicit ? "1.2.840.10008.1.2"
                             : syntax_.big_endian ? "1.2.840.10008.1.2.2"
                                                  : "1.2.840.10008.1.2.1";
  }
  syntax_.is_explicit = header.transfer_syntax != "1.2.840.10008.1.2";
  syntax_.big_endian = header.transfer_syntax == "1.2.840.10008.1.2.2";
  header.big_endian = syntax_.big_endian;
}

DicomHeader Walk::header() {
  DicomHeader header;
  meta(header);
  if (header.transfer_syntax == "1.2.840.10008.1.2.1.99" || header.transfer_syntax == "1.2.840.10008.1.2.8.1") {
    throw DataError(
        text(file_.path(),
             ": field TransferSyntaxUID (0002,0010) says a deflated data set, expected one as it is; convert it, e.g. with "
             "'dcmconv'"));
  }
  elements(data_start_, file_.size(), syntax_, 0, &header.data, &header);
  DicomDataSet& d = header.data;
  const std::string number = d.text(kPatientId), name = d.text(kPatientName);
  if (!number.empty()) {
    header.patient = sha256(text("patient by number\n", number));
  } else if (!name.empty()) {
    header.patient = sha256(text("patient by name\n", name, "\n", d.text(kPatientBirthDate)));
  }
  for (const std::uint32_t personal : {kPatientId, kPatientName, kPatientBirthDate}) d.values.erase(personal);
  return header;
}

}  // namespace

bool is_dicom_file(const std::filesystem::path& path) {
  try {
    const InputFile file(path, kMaxDicomBytes);
    std::string head(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 132)), '\0');
    file.read(0, std::span<char>(head));
    if (head.size() == 132 && head.substr(128) == "DICM") return true;
    if (head.size() < 16) return false;
    const auto group = static_cast<unsigned char>(head[0]) | static_cast<unsigned char>(head[1]) << 8;
    const bool is_explicit = is_vr(std::string_view(head).substr(4, 2));
    // Without the preamble: the first element of group 8 (or of the file's own header), which is a short one.
    if (group == 0x0800 && head[2] == 0 && is_explicit) return true;
    if (group != 0x0008 && group != 0x0002) return false;
    return head[3] == 0 && (is_explicit || (head[5] == 0 && head[6] == 0 && head[7] == 0));
  } catch (const FileError&) {
    return false;
  }
}

DicomHeader read_dicom_header(const InputFile& file) { return Walk(file).header(); }

}  // namespace vitrine::imaging
