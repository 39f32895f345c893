#include "weights/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/sha256.h"

namespace vitrine {

// A descriptor with the state the file had when it was opened, or a string.
class ByteSource::Content {
 public:
  explicit Content(std::string bytes) : bytes_(std::move(bytes)), size_(bytes_.size()) {}

  explicit Content(const std::filesystem::path& path) : name_(path.string()) {
    // Non-blocking, so that a FIFO cannot hang the program before it is recognised.
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file_ < 0) throw WeightsError(text("cannot open ", name_, ": ", std::strerror(errno)));
    if (const std::string flaw = inspect(); !flaw.empty()) {
      ::close(file_);
      throw WeightsError(name_ + flaw);
    }
  }

  ~Content() {
    if (file_ >= 0) ::close(file_);
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  std::uint64_t size() const { return size_; }

  void read(std::uint64_t offset, std::span<char> out) const {
    if (offset > size_ || out.size() > size_ - offset) {
      throw InternalError(text("bytes ", offset, " to ", offset + out.size(), " were asked of ", size_, " bytes"));
    }
    if (file_ < 0) {
      std::copy_n(bytes_.data() + offset, out.size(), out.data());
      return;
    }
    for (std::size_t done = 0; done < out.size();) {
      const ssize_t n = ::pread(file_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw WeightsError(text("cannot read ", name_, ": ", std::strerror(errno)));
      if (n == 0) refuse_change();
      done += static_cast<std::size_t>(n);
    }
    struct stat now {};
    if (::fstat(file_, &now) != 0 || static_cast<std::uint64_t>(now.st_size) != size_ ||
        now.st_mtim.tv_sec != modified_.tv_sec || now.st_mtim.tv_nsec != modified_.tv_nsec) {
      refuse_change();
    }
  }

 private:
  std::string inspect() {
    struct stat info {};
    if (::fstat(file_, &info) != 0) return text(" cannot be inspected: ", std::strerror(errno));
    if (!S_ISREG(info.st_mode)) return " is not a regular file";
    size_ = static_cast<std::uint64_t>(info.st_size);
    modified_ = info.st_mtim;
    if (size_ > kMaxCheckpointBytes) {
      return text(" has ", size_, " bytes, more than the ", kMaxCheckpointBytes, " allowed for this kind of file");
    }
    return {};
  }

  [[noreturn]] void refuse_change() const {
    throw WeightsError(text(name_, ": the file changed while it was read (it had ", size_,
                            " bytes when it was opened); wait until it is written and try again"));
  }

  std::string name_, bytes_;
  std::uint64_t size_ = 0;
  int file_ = -1;
  timespec modified_{};
};

ByteSource::ByteSource(std::string bytes) : content_(std::make_shared<const Content>(std::move(bytes))) {}

ByteSource ByteSource::file(const std::filesystem::path& path) {
  ByteSource source;
  source.content_ = std::make_shared<const Content>(path);
  return source;
}

std::uint64_t ByteSource::size() const { return content_ ? content_->size() : 0; }

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
