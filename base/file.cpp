#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/sha256.h"

namespace vitrine {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

std::string kind_flaw(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return {};
    case S_IFDIR: return "is a folder, a file is expected";
    case S_IFIFO: return "is a pipe; write its content to a file first";
    case S_IFSOCK: return "is a socket, a file is expected";
    default: return "is a device, a file is expected";
  }
}

// What an error of the system says about a path.
std::string error_flaw(const std::filesystem::path& path, int error) {
  struct stat info {};
  switch (error) {
    case ENOENT:
      if (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
        std::error_code none;
        return text("is a link to '", std::filesystem::read_symlink(path, none), "', which does not exist");
      }
      return "does not exist";
    case ENOTDIR: return "does not exist: a part of its path is a file, not a folder";
    case ELOOP: return "is a loop of links";
    case ENAMETOOLONG: return "has a name that is longer than the system allows";
    default: return text("cannot be opened: ", std::strerror(error));
  }
}

}  // namespace

std::string path_flaw(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return error_flaw(path, errno);
  std::string flaw = kind_flaw(info.st_mode);
  if (flaw.empty() && ::access(path.c_str(), R_OK) != 0) flaw = error_flaw(path, errno);
  return flaw;
}

bool path_exists(const std::filesystem::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

bool is_folder(const std::filesystem::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder, bool below) {
  std::vector<std::filesystem::path> entries;
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    if (!open) {
      if (errno == ENOMEM) throw std::bad_alloc();
      return entries;
    }
    while (const dirent* const entry = ::readdir(open.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") entries.push_back(folder / name);
    }
  }
  check_interrupt("reading a folder");
  std::ranges::sort(entries);
  for (std::size_t i = 0, count = entries.size(); below && i < count; ++i) {
    struct stat info {};
    if (::lstat(entries[i].c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    for (std::filesystem::path& inside : entries_of(entries[i], true)) entries.push_back(std::move(inside));
  }
  return entries;
}

InputFile::InputFile(const std::filesystem::path& path, std::uint64_t max_bytes) : path_(path) {
  // Non-blocking, so that a FIFO cannot hang the program before it is recognised.
  descriptor_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!descriptor_.is_open()) throw FileError(text(path, " ", error_flaw(path, errno)));
  struct stat info {};
  std::string flaw =
      ::fstat(descriptor_.get(), &info) != 0 ? text("cannot be inspected: ", std::strerror(errno)) : kind_flaw(info.st_mode);
  size_ = static_cast<std::uint64_t>(info.st_size);
  modified_ = info.st_mtim;
  if (flaw.empty() && size_ > max_bytes)
    flaw = text("has ", size_, " bytes, more than the ", max_bytes, " allowed for this kind of file");
  if (!flaw.empty()) throw FileError(text(path, " ", flaw));
}

void InputFile::refuse_change() const {
  throw FileError(text(path_, " changed while it was read (it had ", size_,
                       " bytes when it was opened); wait until it is written and try again"));
}

void InputFile::read(std::uint64_t offset, std::span<char> out) const {
  if (offset > size_ || out.size() > size_ - offset)
    throw InternalError(text("bytes ", offset, " to ", offset + out.size(), " were asked of ", size_, " bytes"));
  for (std::size_t done = 0; done < out.size();) {
    check_interrupt();
    const std::size_t most = std::min(out.size() - done, 16 * kPiece);
    const ssize_t n = ::pread(descriptor_.get(), out.data() + done, most, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw FileError(text("cannot read ", path_, ": ", std::strerror(errno)));
    if (n == 0) refuse_change();
    done += static_cast<std::size_t>(n);
  }
  struct stat now {};
  if (::fstat(descriptor_.get(), &now) != 0 || static_cast<std::uint64_t>(now.st_size) != size_ ||
      now.st_mtim.tv_sec != modified_.tv_sec || now.st_mtim.tv_nsec != modified_.tv_nsec)
    refuse_change();
}

std::string InputFile::sha256() const {
  Sha256 digest;
  std::string piece;
  for (std::uint64_t at = 0; at < size_; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, size_ - at)));
    read(at, std::span<char>(piece));
    digest.update(piece);
  }
  return digest.hex();
}

std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const InputFile file(path, max_bytes);
  std::string bytes(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, std::span<char>(bytes));
  return bytes;
}

std::string sha256_of_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return InputFile(path, max_bytes).sha256();
}

void make_directory(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::create_directories(path, problem);
  if (is_folder(path)) return;
  if (!problem && path_exists(path)) problem = std::make_error_code(std::errc::not_a_directory);
  throw FileError(text("cannot create the folder ", path, ": ",
                       path_exists(path) ? std::string("something else of that name is in the way") : problem.message()));
}

void check_plain_file(const std::filesystem::path& path) {
  std::error_code none;
  const std::filesystem::file_status status = std::filesystem::symlink_status(path, none);
  if (std::filesystem::is_regular_file(status) || !std::filesystem::exists(status)) return;
  throw DataError(text(path, " is a ",
                       std::filesystem::is_symlink(status)     ? "link"
                       : std::filesystem::is_directory(status) ? "folder"
                                                               : "pipe or device",
                       ", a file of this program's own is expected there; remove it"));
}

void check_plain_files(const std::filesystem::path& folder) {
  for (const std::filesystem::path& entry : entries_of(folder)) check_plain_file(entry);
}

}  // namespace vitrine
