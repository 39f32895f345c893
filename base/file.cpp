#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace vitrine {
namespace {

std::string reason() { return std::strerror(errno); }

// Closes a descriptor on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

void write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw FileError(text("cannot write ", path.string(), ": ", reason(), "; free space or choose another folder"));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  // Non-blocking, so that a FIFO cannot hang the program before it is recognised.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw FileError(text("cannot open ", path.string(), ": ", reason()));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw FileError(text("cannot inspect ", path.string(), ": ", reason()));
  if (!S_ISREG(info.st_mode)) throw FileError(text(path.string(), " is not a regular file"));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_bytes) {
    throw FileError(text(path.string(), " has ", size, " bytes, more than the ", max_bytes, " allowed for this kind of file"));
  }
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw FileError(text("cannot read ", path.string(), ": ", reason()));
    if (n == 0) throw FileError(text(path.string(), " shrank while it was read: ", done, " of ", size, " bytes"));
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::filesystem::path temporary = text(path.string(), ".tmp-", ::getpid());
  try {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) throw FileError(text("cannot write ", path.string(), ": ", reason()));
    write_all(file.get(), bytes, path);
    // A failed fsync is final: the kernel may have dropped the pages, so a retry would lie.
    if (::fsync(file.get()) != 0) throw FileError(text("cannot write ", path.string(), " to disk: ", reason()));
    if (::close(file.release()) != 0) throw FileError(text("cannot close ", path.string(), ": ", reason()));
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      throw FileError(text("cannot put ", path.string(), " in place: ", reason()));
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

void make_directory(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::create_directories(path, problem);
  if (problem || !std::filesystem::is_directory(path)) {
    throw FileError(text("cannot create the folder ", path.string(), ": ",
                         problem ? problem.message() : std::string("a file of that name is in the way")));
  }
}

}  // namespace vitrine
