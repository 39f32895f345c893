#include "weights/byte_source.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace vitrine {

// An open file, or a string.
class ByteSource::Content {
 public:
  explicit Content(std::string bytes) : bytes_(std::move(bytes)) {}
  explicit Content(const std::filesystem::path& path) {
    as<WeightsError>([&] { file_.emplace(path, kMaxCheckpointBytes); });
  }

  std::uint64_t size() const { return file_ ? file_->size() : bytes_.size(); }
  std::string name() const { return file_ ? shown(file_->path()) : std::string(); }

  void read(std::uint64_t offset, std::span<char> out) const {
    if (offset > size() || out.size() > size() - offset) {
      throw InternalError(text("bytes ", offset, " to ", offset + out.size(), " were asked of ", size(), " bytes"));
    }
    if (file_) {
      as<WeightsError>([&] { file_->read(offset, out); });
    } else {
      std::copy_n(bytes_.data() + offset, out.size(), out.data());
    }
  }

 private:
  std::string bytes_;
  std::optional<InputFile> file_;
};

ByteSource::ByteSource(std::string bytes) : content_(std::make_shared<const Content>(std::move(bytes))) {}

ByteSource ByteSource::file(const std::filesystem::path& path) {
  ByteSource source;
  source.content_ = std::make_shared<const Content>(path);
  return source;
}

std::uint64_t ByteSource::size() const { return content_ ? content_->size() : 0; }

std::string ByteSource::name() const { return content_ ? content_->name() : std::string(); }

void ByteSource::read(std::uint64_t offset, std::span<char> out) const {
  if (content_) {
    content_->read(offset, out);
  } else if (offset != 0 || !out.empty()) {
    throw InternalError("bytes were asked of a source without any");
  }
}

std::string ByteSource::read(std::uint64_t offset, std::uint64_t count) const {
  if (offset > size() || count > size() - offset) {
    throw InternalError(text(count, " bytes at ", offset, " were asked of ", size(), " bytes"));
  }
  std::string bytes(static_cast<std::size_t>(count), '\0');
  read(offset, std::span<char>(bytes));
  return bytes;
}

std::string ByteSource::head(std::uint64_t most) const { return read(0, std::min(most, size())); }

std::string ByteSource::sha256() const {
  constexpr std::uint64_t kPiece = 1u << 20;
  Sha256 digest;
  for (std::uint64_t at = 0; at < size(); at += kPiece) digest.update(read(at, std::min(kPiece, size() - at)));
  return digest.hex();
}

}  // namespace vitrine
