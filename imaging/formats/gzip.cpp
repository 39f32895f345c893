#include "imaging/formats/gzip.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/interrupt.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr char kFirst = '\x1f', kSecond = '\x8b';  // of every member

InputFile opened(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return as<DataError>([&] { return InputFile(path, max_bytes); });
}

}  // namespace

InflatingFile::InflatingFile(const std::filesystem::path& path, std::uint64_t max_bytes, std::uint64_t offset,
                             Compression compression)
    : path_(path), file_(opened(path, max_bytes)) {
  for (std::uint64_t skipped = 0; skipped < offset && fill(); skipped = offset_ - left_.size())
    left_.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(left_.size(), offset - skipped)));
  fill();
  const bool begins_as_gzip = left_.size() >= 2 && left_[0] == kFirst && left_[1] == kSecond;
  if (compression == Compression::gzip && !begins_as_gzip)
    refuse(
        text("the voxels from byte ", offset, " on are no gzip stream, expected one as the header says; copy the file again"));
  gzip_ = begins_as_gzip && (compression == Compression::gzip || compression == Compression::by_content);
  zlib_ = compression == Compression::zlib;
  if (!is_compressed()) return;
  // 15: the largest window; 16: gzip framing with its CRC.
  if (const int status = inflateInit2(&inflater_.stream, gzip_ ? 15 + 16 : 15); status == Z_MEM_ERROR) throw std::bad_alloc();
}

void InflatingFile::refuse(const std::string& what) const { throw DataError(text(path_, ": ", what)); }

std::string InflatingFile::member_name() const {
  if (zlib_) return "the zlib stream";
  return member_ > 1 ? text("member ", member_, " of the gzip stream") : std::string("the gzip stream");
}

bool InflatingFile::fill() {
  if (!left_.empty()) return true;
  if (offset_ == file_.size()) return false;
  piece_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, file_.size() - offset_)));
  as<DataError>([&] { file_.read(offset_, std::span<char>(piece_)); });
  offset_ += piece_.size();
  digest_.update(piece_);
  left_ = piece_;
  return true;
}

bool InflatingFile::next_member() {
  if (!fill()) return false;
  if (member_ > 0 && left_.front() == '\0') {
    while (fill()) {
      const std::size_t other = left_.find_first_not_of('\0');
      if (other != left_.npos) {
        left_.remove_prefix(other);
        break;
      }
      left_ = {};
    }
    if (left_.empty()) return false;
    refuse(text("byte ", offset_ - left_.size(),
                " is garbage behind the compressed stream and its padding, expected the end; copy the file again"));
  }
  if (member_ > 0 && (zlib_ || left_.front() != kFirst))
    refuse(text("from byte ", offset_ - left_.size(),
                " on there is garbage behind the compressed stream, expected the end; copy the file again"));
  if (member_ > 0) inflateReset(&inflater_.stream);
  ++member_;
  member_bytes_ = 0;
  inside_ = true;
  return true;
}

std::size_t InflatingFile::inflate_some(std::span<char> out) {
  z_stream& s = inflater_.stream;
  const bool more = fill();
  s.next_in = reinterpret_cast<Bytef*>(piece_.data() + (piece_.size() - left_.size()));
  s.avail_in = static_cast<uInt>(left_.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&s, Z_NO_FLUSH);
  left_.remove_prefix(left_.size() - s.avail_in);
  const std::size_t made = out.size() - s.avail_out;
  member_bytes_ += made;
  if (status == Z_STREAM_END) {
    inside_ = false;
  } else if (status == Z_MEM_ERROR) {
    throw std::bad_alloc();
  } else if (status == Z_BUF_ERROR && !more) {
    refuse(text(member_name(), " ends too early (truncated), expected its end mark; copy the file again"));
  } else if (status != Z_OK && status != Z_BUF_ERROR) {
    refuse(text(member_name(), " is damaged after ", member_bytes_, " bytes (", s.msg == nullptr ? "unknown fault" : s.msg,
                "), expected a whole one; copy the file again"));
  }
  return made;
}

std::size_t InflatingFile::read(std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    check_interrupt("reading");
    const std::span<char> rest = out.subspan(done, std::min(out.size() - done, kPiece));
    if (is_compressed()) {
      if (!inside_ && !next_member()) break;
      done += inflate_some(rest);
    } else {
      if (!fill()) break;
      const std::size_t n = std::min(rest.size(), left_.size());
      std::copy_n(left_.begin(), n, rest.begin());
      left_.remove_prefix(n);
      done += n;
    }
  }
  return done;
}

std::string InflatingFile::sha256() { return digest_.hex(); }

DeflatingFile::DeflatingFile(const std::filesystem::path& path) : file_(path), gzip_(path.extension() == ".gz") {
  // Level 1: noisy voxels hardly shrink further.
  if (gzip_ && deflateInit2(&deflater_.stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  if (gzip_) buffer_.resize(kPiece);
}

void DeflatingFile::deflate_all(int flush) {
  z_stream& s = deflater_.stream;
  int status = Z_OK;
  do {
    check_interrupt("writing");
    s.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    s.avail_out = static_cast<uInt>(buffer_.size());
    status = deflate(&s, flush);
    if (status == Z_STREAM_ERROR) throw InternalError("zlib lost the state of a stream that it was writing");
    file_.write(std::string_view(buffer_).substr(0, buffer_.size() - s.avail_out));
  } while (s.avail_out == 0 || (flush == Z_FINISH && status != Z_STREAM_END));
}

void DeflatingFile::write(std::string_view bytes) {
  if (!gzip_) return file_.write(bytes);
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    deflater_.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    deflater_.stream.avail_in = static_cast<uInt>(piece.size());
    deflate_all(Z_NO_FLUSH);
    bytes.remove_prefix(piece.size());
  }
}

void DeflatingFile::commit() {
  if (gzip_) deflate_all(Z_FINISH);
  file_.commit();
}

}  // namespace vitrine::imaging
