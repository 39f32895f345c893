#include "imaging/formats/dicom_frames.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "imaging/formats/dicom_tags.h"
#include "imaging/formats/header_check.h"

namespace vitrine::imaging {
namespace {

using namespace dicom;

constexpr std::int64_t kMostFrames = 100'000;

// The functional groups of a frame: its own, those that all frames share, and the data set itself for what is no enhanced file.
class Groups {
 public:
  Groups(const DicomDataSet& data, const DicomDataSet* own) : data_(data), own_(own), shared_(data.item(kSharedGroups)) {}

  const DicomDataSet* group(std::uint32_t sequence) const {
    for (const DicomDataSet* from : {own_, shared_}) {
      if (from == nullptr) continue;
      if (const DicomDataSet* found = from->item(sequence); found != nullptr) return found;
    }
    return &data_;
  }
  std::vector<double> numbers(std::uint32_t sequence, std::uint32_t tag) const {
    std::vector<double> found = group(sequence)->numbers(tag);
    return found.empty() ? data_.numbers(tag) : found;
  }
  std::optional<double> number(std::uint32_t sequence, std::uint32_t tag) const {
    const std::vector<double> all = numbers(sequence, tag);
    return all.empty() ? std::nullopt : std::optional(all.front());
  }

 private:
  const DicomDataSet& data_;
  const DicomDataSet* own_;
  const DicomDataSet* shared_;
};

// From the third value on: the first two say ORIGINAL or DERIVED, PRIMARY or SECONDARY.
std::string kind_of(const DicomDataSet& data, const DicomDataSet& frame_type) {
  std::vector<std::string> values = frame_type.texts(kFrameType);
  if (values.empty()) values = data.texts(kImageType);
  std::string kind;
  for (std::size_t n = 2; n < values.size(); ++n) kind += (kind.empty() ? "" : "\\") + values[n];
  const std::string component = frame_type.text(kComplexComponent);
  return component.empty() ? kind : kind + (kind.empty() ? "" : "\\") + component;
}

void read_place(const Groups& groups, DicomFrame& frame) {
  const std::vector<double> position = groups.numbers(kPlanePositionSequence, kPosition);
  const std::vector<double> axes = groups.numbers(kPlaneOrientationSequence, kOrientation);
  const std::vector<double> pixel = groups.numbers(kPixelMeasuresSequence, kPixelSpacing);
  frame.thickness = groups.number(kPixelMeasuresSequence, kSliceThickness).value_or(0);
  frame.between = groups.number(kPixelMeasuresSequence, kSpacingBetweenSlices).value_or(0);
  if (position.size() != 3 || axes.size() != 6 || pixel.size() != 2) return;
  frame.has_place = true;
  frame.position = {position[0], position[1], position[2]};
  frame.row = {axes[0], axes[1], axes[2]};
  frame.column = {axes[3], axes[4], axes[5]};
  frame.pixel = {pixel[1], pixel[0]};
}

DicomFrame frame_of(const DicomDataSet& data, const DicomDataSet* own, std::size_t index) {
  const Groups groups(data, own);
  DicomFrame frame;
  frame.index = index;
  read_place(groups, frame);
  frame.slope = groups.number(kValueTransformationSequence, kRescaleSlope).value_or(1);
  frame.intercept = groups.number(kValueTransformationSequence, kRescaleIntercept).value_or(0);
  frame.kind = kind_of(data, *groups.group(kFrameTypeSequence));
  frame.echo_time = groups.number(kEchoSequence, kEffectiveEchoTime);
  if (!frame.echo_time) frame.echo_time = data.number(kEchoTime);
  frame.b_value = groups.number(kDiffusionSequence, kBValue);
  frame.echo = data.integer(kEchoNumbers);
  frame.temporal = groups.group(kFrameContentSequence)->integer(kTemporalPositionIndex);
  if (!frame.temporal) frame.temporal = data.integer(kTemporalPosition);
  frame.acquisition = data.integer(kAcquisitionNumber);
  frame.instance = data.integer(kInstanceNumber);
  return frame;
}

void read_format(const std::string& file, const DicomDataSet& data, DicomPixelFormat& format) {
  const auto field = [&](std::uint32_t tag, const char* name) {
    const std::optional<std::int64_t> value = data.integer(tag);
    if (!value) refuse_header(file, "lacks the field ", name, "; export the image again");
    return *value;
  };
  format.rows = field(kRows, "Rows");
  format.columns = field(kColumns, "Columns");
  check_axis_size(format.rows, "Rows", file);
  check_axis_size(format.columns, "Columns", file);
  const std::int64_t allocated = field(kBitsAllocated, "BitsAllocated");
  if (allocated != 8 && allocated != 16 && allocated != 32)
    refuse_header(file, "field BitsAllocated is ", allocated, ", expected 8, 16 or 32; export the image again");
  format.bits_allocated = static_cast<int>(allocated);
  const std::int64_t stored = data.integer(kBitsStored).value_or(allocated);
  const std::int64_t high = data.integer(kHighBit).value_or(stored - 1);
  if (stored < 1 || stored > allocated || high < stored - 1 || high >= allocated)
    refuse_header(file, "fields BitsStored and HighBit are ", stored, " and ", high, ", expected them within ", allocated,
                  " bits");
  format.bits_stored = static_cast<int>(stored);
  format.high_bit = static_cast<int>(high);
  const std::int64_t sign = data.integer(kPixelRepresentation).value_or(0);
  if (sign != 0 && sign != 1)
    refuse_header(file, "field PixelRepresentation is ", sign, ", expected 0 or 1; export the image again");
  format.is_signed = sign == 1;
}

// The fragments of a frame.
std::vector<DicomPixels::Piece> fragments_of(const DicomFile& file, std::size_t index) {
  const DicomPixels& pixels = *file.header.pixels;
  const std::size_t frames = file.frames.size();
  if (frames == 1) return pixels.fragments;
  if (pixels.fragments.size() == frames) return {pixels.fragments[index]};
  const std::vector<std::uint64_t>& starts = pixels.frame_starts;
  if (starts.size() != frames || pixels.fragments.empty()) {
    refuse_header(shown(file.path), "holds ", frames, " frames in ", pixels.fragments.size(),
                  " compressed fragments and a table of ", starts.size(),
                  " offsets, expected one of each frame; convert it, e.g. with 'gdcmconv --raw'");
  }
  const std::uint64_t first = pixels.fragments.front().offset - 8;  // of the item
  std::vector<DicomPixels::Piece> pieces;
  for (const DicomPixels::Piece& p : pixels.fragments) {
    const std::uint64_t at = p.offset - 8 - first;
    if (at >= starts[index] && (index + 1 == frames || at < starts[index + 1])) pieces.push_back(p);
  }
  if (pieces.empty())
    refuse_header(shown(file.path), "has no fragment of frame ", index + 1,
                  " where its table of offsets says; copy the file again");
  return pieces;
}

}  // namespace

DicomFile read_dicom_file(const std::filesystem::path& path) {
  const InputFile opened = as<DataError>([&] { return InputFile(path, kMaxDicomBytes); });
  DicomFile file{path, read_dicom_header(opened), {}, {}, 0};
  const DicomDataSet& data = file.header.data;
  if (!file.header.pixels || !data.has(kRows)) return file;
  const std::string name = shown(path);
  read_format(name, data, file.format);
  const std::int64_t frames = data.has(kNumberOfFrames) ? data.integer(kNumberOfFrames).value_or(0) : 1;
  if (frames < 1 || frames > kMostFrames)
    refuse_header(name, "field NumberOfFrames is ", printable(data.text(kNumberOfFrames)), ", expected 1 to ", kMostFrames);
  const auto groups = data.sequences.find(kPerFrameGroups);
  const std::size_t described = groups == data.sequences.end() ? 0 : groups->second.size();
  if (described != 0 && described != static_cast<std::size_t>(frames))
    refuse_header(name, "describes ", described, " frames (5200,9230), expected ", frames, " as field NumberOfFrames says");
  for (std::size_t n = 0; n < static_cast<std::size_t>(frames); ++n) {
    DicomFrame frame = frame_of(data, described == 0 ? nullptr : &groups->second[n], n);
    if (frames > 1 && described == 0) frame.has_place = false;  // one place of many frames is none
    file.frames.push_back(std::move(frame));
  }
  const DicomPixels& pixels = *file.header.pixels;
  const std::uint64_t wanted = file.format.frame_bytes() * static_cast<std::uint64_t>(frames);
  // Some writers pad beyond the even length, by less than a frame.
  if (!pixels.encapsulated &&
      (pixels.whole.bytes < wanted || pixels.whole.bytes - wanted >= std::max<std::uint64_t>(2, file.format.frame_bytes()))) {
    refuse_header(name, "field PixelData (7FE0,0010) has ", pixels.whole.bytes, " bytes, expected ", wanted, " for ", frames,
                  " frame(s) of ", file.format.columns, " x ", file.format.rows, " pixels of ", file.format.bits_allocated,
                  " bits");
  }
  if (!pixels.encapsulated && pixels.whole.bytes > wanted + 1) file.surplus_bytes = pixels.whole.bytes - wanted;
  return file;
}

std::string stored_frame(const InputFile& opened, const DicomFile& file, std::size_t index) {
  const DicomPixels& pixels = *file.header.pixels;
  std::string bytes;
  if (!pixels.encapsulated) {
    bytes.resize(file.format.frame_bytes());
    as<DataError>([&] { opened.read(pixels.whole.offset + index * bytes.size(), std::span<char>(bytes)); });
    const std::size_t cell = file.format.cell_bytes();
    for (std::size_t at = 0; file.header.big_endian && at + cell <= bytes.size(); at += cell)
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + cell));
    return bytes;
  }
  for (const DicomPixels::Piece& piece : fragments_of(file, index)) {
    const std::size_t before = bytes.size();
    bytes.resize(before + static_cast<std::size_t>(piece.bytes));
    as<DataError>([&] { opened.read(piece.offset, std::span<char>(bytes).subspan(before)); });
  }
  return decompressed_frame(file.header.transfer_syntax, bytes, file.format, text(file.path, ", frame ", index + 1));
}

}  // namespace vitrine::imaging
