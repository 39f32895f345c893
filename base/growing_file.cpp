#include "base/growing_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/output.h"

namespace vitrine {

GrowingFile::GrowingFile(const std::filesystem::path& path, std::string_view bytes) : path_(path) {
  write_file(path, bytes);
  file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (!file_.is_open()) throw FileError(text("cannot write ", path_, ": ", std::strerror(errno)));
}

GrowingFile::GrowingFile(const std::filesystem::path& path, std::uint64_t size) : path_(path) {
  file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (!file_.is_open() || ::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
    throw FileError(text("cannot go on with ", path_, ": ", std::strerror(errno)));
}

void GrowingFile::sync() {
  if (::fsync(file_.get()) != 0) throw FileError(text("cannot bring ", path_, " to the disk: ", std::strerror(errno)));
}

void GrowingFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw FileError(text("cannot write ", path_, ": ", std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace vitrine
