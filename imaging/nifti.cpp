// read_nifti, write_nifti and write_mask_nifti of imaging/volume.h.
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "imaging/nifti_header.h"
#include "imaging/volume.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{3} << 30;

// A .nii or .nii.gz as a stream of plain bytes. The whole gzip stream is read, so its length and check sum are verified.
class Bytes {
 public:
  Bytes(std::string_view file_bytes, std::string file) : input_(file_bytes), file_(std::move(file)) {
    gzip_ = input_.size() >= 2 && input_[0] == '\x1f' && input_[1] == '\x8b';
    if (!gzip_) return;
    // 15 + 16: the largest window, gzip framing with its CRC.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw InternalError("zlib could not be started");
  }
  ~Bytes() {
    if (gzip_) inflateEnd(&stream_);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  // Appends up to `count` bytes to `out`; fewer only at the end of the stream.
  void read(std::string& out, std::size_t count) {
    if (!gzip_) {
      out.append(input_.substr(0, count));
      input_.remove_prefix(std::min(count, input_.size()));
      return;
    }
    const std::size_t start = out.size();
    out.resize(start + count);
    std::size_t done = 0;
    while (done < count && !ended_) done += inflate_some(out.data() + start + done, count - done);
    out.resize(start + done);
  }

 private:
  std::size_t inflate_some(char* out, std::size_t count) {
    constexpr std::size_t piece = std::size_t{1} << 30;  // zlib counts in 32 bits
    const std::size_t in_size = std::min(input_.size(), piece);
    const std::size_t out_size = std::min(count, piece);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
    stream_.avail_in = static_cast<uInt>(in_size);
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(out_size);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    input_.remove_prefix(in_size - stream_.avail_in);
    if (status == Z_STREAM_END) {
      ended_ = true;
    } else if (status == Z_BUF_ERROR || (status == Z_OK && input_.empty() && stream_.avail_out != 0)) {
      throw DataError(text(file_, ": the gzip stream ends too early (truncated), expected its end mark; copy the file again"));
    } else if (status != Z_OK) {
      throw DataError(text(file_, ": the gzip stream is damaged (", stream_.msg == nullptr ? "unknown fault" : stream_.msg,
                           "), expected a whole .nii.gz; copy the file again"));
    }
    return out_size - stream_.avail_out;
  }

  std::string_view input_;
  std::string file_;
  z_stream stream_{};
  bool gzip_ = false;
  bool ended_ = false;
};

template <class T>
void convert(std::string_view raw, const NiftiHeader& header, std::vector<float>& out) {
  for (std::size_t n = 0; n < out.size(); ++n) {
    char cell[sizeof(T)];
    std::memcpy(cell, raw.data() + n * sizeof(T), sizeof(T));
    if (header.big_endian) std::reverse(cell, cell + sizeof(T));
    T value;
    std::memcpy(&value, cell, sizeof(T));
    out[n] = header.scaled ? static_cast<float>(header.slope * static_cast<double>(value) + header.intercept)
                           : static_cast<float>(value);
  }
}

void convert_voxels(std::string_view raw, const NiftiHeader& header, std::vector<float>& out) {
  switch (header.type) {
    case NiftiType::u8: return convert<std::uint8_t>(raw, header, out);
    case NiftiType::i8: return convert<std::int8_t>(raw, header, out);
    case NiftiType::i16: return convert<std::int16_t>(raw, header, out);
    case NiftiType::u16: return convert<std::uint16_t>(raw, header, out);
    case NiftiType::i32: return convert<std::int32_t>(raw, header, out);
    case NiftiType::u32: return convert<std::uint32_t>(raw, header, out);
    case NiftiType::i64: return convert<std::int64_t>(raw, header, out);
    case NiftiType::u64: return convert<std::uint64_t>(raw, header, out);
    case NiftiType::f32: return convert<float>(raw, header, out);
    case NiftiType::f64: return convert<double>(raw, header, out);
  }
}

void refuse_non_finite(const Volume& volume, const std::string& file) {
  const auto bad = [](float v) { return !std::isfinite(v); };
  const auto count = std::count_if(volume.data.begin(), volume.data.end(), bad);
  if (count == 0) return;
  const auto first = std::find_if(volume.data.begin(), volume.data.end(), bad) - volume.data.begin();
  const std::int64_t row = first / volume.geometry.size[0];
  throw DataError(text(file, ": ", count, " voxels are NaN or infinite, the first at (", first % volume.geometry.size[0], ", ",
                       row % volume.geometry.size[1], ", ", row / volume.geometry.size[1],
                       "), expected finite numbers; export the image again"));
}

std::string file_content(const std::filesystem::path& path) {
  try {
    return read_file(path, kMaxFileBytes);
  } catch (const FileError& e) {
    throw DataError(text(e.what(), "; expected a .nii or .nii.gz image"));
  }
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  // Level 1: noisy voxels hardly shrink further, and the gzip header carries neither a time nor a name.
  if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw InternalError("zlib could not be started");
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw InternalError("zlib did not finish a stream that fits its own bound");
  return out;
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  write_file(path, path.extension() == ".gz" ? gzip(bytes) : bytes);
}

}  // namespace

Volume read_nifti(const std::filesystem::path& path) {
  const std::string file = path.string();
  const std::string content = file_content(path);
  Bytes bytes(content, file);
  std::string raw;
  bytes.read(raw, kNiftiHeaderBytes);
  if (raw.size() < kNiftiHeaderBytes) {
    throw DataError(text(file, " is not NIfTI: it holds ", raw.size(), " bytes, expected at least ", kNiftiHeaderBytes,
                         "; give a .nii or .nii.gz file"));
  }
  const NiftiHeader header = parse_nifti_header(raw, file);
  // A plain file shows its size at once; nothing is reserved for voxels that cannot be there (deflate shrinks at most 1032
  // times).
  const std::uint64_t expected = header.file_bytes();
  const std::uint64_t at_most =
      static_cast<std::uint64_t>(content.size()) * (content.size() >= 2 && content[0] == '\x1f' ? 1032 : 1);
  if (expected <= at_most) bytes.read(raw, static_cast<std::size_t>(expected) - raw.size() + 1);
  if (raw.size() != expected) {
    throw DataError(text(file, ": ", raw.size() < expected ? "holds fewer" : "holds more", " bytes than the ", expected,
                         " that its header asks for (", header.geometry.size[0], " x ", header.geometry.size[1], " x ",
                         header.geometry.size[2], " voxels of ", header.voxel_bytes, " bytes); copy or export the file again"));
  }
  Volume volume{header.geometry, std::vector<float>(static_cast<std::size_t>(header.geometry.voxels()))};
  convert_voxels(std::string_view(raw).substr(header.voxel_offset), header, volume.data);
  refuse_non_finite(volume, file);
  return volume;
}

void write_nifti(const std::filesystem::path& path, const Volume& volume) {
  std::string bytes = nifti_header_bytes(volume.geometry, NiftiType::f32);
  bytes.append(reinterpret_cast<const char*>(volume.data.data()), volume.data.size() * sizeof(float));
  write_bytes(path, bytes);
}

void write_mask_nifti(const std::filesystem::path& path, const Mask& mask) {
  std::string bytes = nifti_header_bytes(mask.geometry, NiftiType::u8);
  for (const float v : mask.data) bytes.push_back(v != 0 ? '\1' : '\0');
  write_bytes(path, bytes);
}

}  // namespace vitrine::imaging
