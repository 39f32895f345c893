#include "base/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/lock.h"
#include "base/standard_streams.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".vitrine-", kSuffix = ".tmp";
constexpr std::size_t kRandomDigits = 16;
constexpr int kMostLinks = 40;  // the system's own limit

std::string reason() { return std::strerror(errno); }

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw FileError(text("cannot write ", path, ": ", why));
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Where `path` leads when its links are followed, the last of which may lead to nothing yet.
fs::path followed(const fs::path& path) {
  fs::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    struct stat info {};
    if (::lstat(at.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return at;
    std::error_code problem;
    const fs::path to = fs::read_symlink(at, problem);
    if (problem) refuse(path, problem.message());
    at = to.is_absolute() ? to : folder_of(at) / to;
  }
  refuse(path, "it is a loop of links");
}

bool is_same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// The open standard stream that writes into this very file, or -1: "-o /dev/stdout > file" must not replace the file under the shell.
int stream_into(const struct stat& target) {
  for (const int number : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat info {};
    if (::fstat(number, &info) == 0 && is_same_file(info, target)) return number;
  }
  return -1;
}

// A descriptor for what is no regular file. A pipe waits for its reader, and the wait can be interrupted.
Descriptor opened_for_writing(const fs::path& path, const struct stat& info) {
  if (const int stream = stream_into(info); stream >= 0) return Descriptor(::fcntl(stream, F_DUPFD_CLOEXEC, 3));
  if (S_ISBLK(info.st_mode)) refuse(path, "it is a disk, not a file; nothing was written to it");
  if (S_ISSOCK(info.st_mode)) refuse(path, "it is a socket, not a file");
  while (true) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (file.is_open()) return file;
    if (errno != ENXIO || !S_ISFIFO(info.st_mode)) refuse(path, reason());
    check_interrupt("waiting for a reader of a pipe");
    ::poll(nullptr, 0, 20);
  }
}

void write_all(int file, std::string_view bytes, const fs::path& path) {
  constexpr std::size_t kPiece = std::size_t{8} << 20;  // between two looks at the interrupt flag
  while (!bytes.empty()) {
    check_interrupt("writing");
    const ssize_t n = ::write(file, bytes.data(), std::min(bytes.size(), kPiece));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {  // a pipe whose reader is slow
      pollfd ready{file, POLLOUT, 0};
      ::poll(&ready, 1, 50);
      continue;
    }
    if (n < 0) refuse(path, reason() + "; free space or choose another place");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string random_name() {
  std::array<unsigned char, kRandomDigits / 2> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw FileError(text("the system gives no random bytes: ", reason()));
  std::string name(kPrefix);
  for (const unsigned char b : bytes) name.append({"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]});
  return name.append(kSuffix);
}

bool is_temporary_name(std::string_view name) {
  return name.size() == kPrefix.size() + kRandomDigits + kSuffix.size() && name.starts_with(kPrefix) && name.ends_with(kSuffix);
}

// Once for each folder and process.
void clean_first(const fs::path& folder) {
  static std::mutex mutex;
  static std::set<fs::path> cleaned;
  {
    const std::scoped_lock lock(mutex);
    if (!cleaned.insert(folder).second) return;
  }
  remove_stale_temporaries(folder);
}

void sync_folder(const fs::path& folder, const fs::path& path) {
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot fsync a folder and say EINVAL; where they can, a failure is one.
  if (directory.is_open() && ::fsync(directory.get()) != 0 && errno != EINVAL) refuse(path, reason());
}

}  // namespace

void set_aside(const fs::path& folder, const std::string& marker, const std::vector<std::string>& inputs) {
  if (!path_exists(folder) || entries_of(folder).empty()) return;
  std::error_code none;
  const fs::path place = fs::weakly_canonical(folder, none);
  for (const std::string& input : inputs) {
    const fs::path inside = input.empty() ? fs::path("..") : fs::weakly_canonical(input, none).lexically_relative(place);
    if (!inside.empty() && *inside.begin() != "..")
      throw UsageError(
          text("the input ", fs::path(input), " lies in ", folder, ", which --force-new would rename; choose another folder"));
  }
  if (!path_exists(folder / marker))
    throw UsageError(text(folder, " has no ", marker, ", so it is not set aside by --force-new; choose another folder"));
  refuse_in_use(folder);
  fs::path name = folder;
  if (!name.has_filename()) name = name.parent_path();  // "out/"
  const bool linked = fs::is_symlink(name, none);
  if (linked) name = place;
  for (int i = 1; i < 10000; ++i) {
    fs::path aside = name;
    aside += ".old-" + std::to_string(i);
    if (path_exists(aside)) continue;
    std::error_code problem;
    fs::rename(name, aside, problem);
    if (problem) throw FileError(text("cannot rename ", folder, " to ", aside, ": ", problem.message()));
    if (linked && !fs::create_directory(name, problem)) throw FileError(text("cannot make ", name, ": ", problem.message()));
    note(text(linked ? name : folder, " was renamed to ", aside));
    return;
  }
  throw FileError(text("cannot rename ", folder, ": there are too many beside it"));
}

void remove_stale_temporaries(const fs::path& folder) {
  for (const fs::path& path : entries_of(folder)) {
    if (!is_temporary_name(path.filename().string())) continue;
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    // Its writer holds a lock on it as long as it lives.
    if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  }
}

OutputFile::OutputFile(const fs::path& path, std::uint64_t reserve) : path_(path) {
  struct stat info {};
  const bool there = ::stat(path.c_str(), &info) == 0;
  if (there && S_ISDIR(info.st_mode)) refuse(path, "it is a folder");
  if (there && (!S_ISREG(info.st_mode) || stream_into(info) >= 0)) {
    written_into_ = true;
    return;
  }
  if (there && ::access(path.c_str(), W_OK) != 0) refuse(path, reason());
  target_ = followed(path);
  make_temporary(folder_of(target_));
  if (there && (::fchmod(file_.get(), info.st_mode & 07777) != 0)) refuse(path, reason());
  // Not every file system can reserve; then the writes will tell.
  if (reserve > 0 && ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(reserve)) != 0 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
    refuse(path, reason() + "; free space or choose another place");
}

OutputFile::Temporary::~Temporary() {
  if (!name.empty()) ::unlink(name.c_str());
}

void OutputFile::make_temporary(const fs::path& folder) {
  clean_first(folder);
  for (int attempt = 0; attempt < 100; ++attempt) {
    fs::path name = folder / random_name();
    Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file.is_open() && errno == EEXIST) continue;
    if (!file.is_open()) refuse(path_, reason());
    temporary_.name = std::move(name);
    file_ = std::move(file);
    // Another process that cleans up may have been faster than the lock.
    struct stat info {};
    const bool locked = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR);
    if (locked && ::fstat(file_.get(), &info) == 0 && info.st_nlink > 0) return;
    ::unlink(temporary_.name.c_str());
    temporary_.name.clear();
  }
  refuse(path_, "no temporary file could be made beside it");
}

void OutputFile::write(std::string_view bytes) {
  if (written_into_) {
    held_ += bytes;
  } else {
    write_all(file_.get(), bytes, path_);
  }
}

// A failed fsync is final: the system may have dropped the pages, so a second one would lie.
void OutputFile::finish_temporary() {
  if (::fsync(file_.get()) != 0) refuse(path_, reason() + " when it was sent to the disk");
}

void OutputFile::commit() {
  if (written_into_) {
    struct stat info {};
    if (::stat(path_.c_str(), &info) != 0) refuse(path_, reason());
    std::fflush(stdout);  // what was printed before comes first
    const Descriptor file = opened_for_writing(path_, info);
    if (!file.is_open()) refuse(path_, reason());
    return write_all(file.get(), held_, path_);
  }
  finish_temporary();
  if (::rename(temporary_.name.c_str(), target_.c_str()) != 0) refuse(path_, reason());
  temporary_.name.clear();
  file_.reset();
  sync_folder(folder_of(target_), path_);
}

bool OutputFile::commit_if_new() {
  if (written_into_) return false;
  finish_temporary();
  if (::renameat2(AT_FDCWD, temporary_.name.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_.name.clear();
  } else if (errno == EEXIST) {
    return false;
  } else if (::link(temporary_.name.c_str(), target_.c_str()) !=
             0) {  // a file system without the other call; the old name goes with *this
    if (errno == EEXIST) return false;
    refuse(path_, reason());
  }
  sync_folder(folder_of(target_), path_);
  return true;
}

void write_file(const fs::path& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.commit();
}

bool create_file(const fs::path& path, std::string_view bytes) {
  if (path_exists(path)) return false;
  OutputFile file(path);
  file.write(bytes);
  return file.commit_if_new();
}

bool is_standard_output(const std::string& name) {
  return name == "-" || name == "/dev/stdout" || name == "/dev/fd/1" || name == "/proc/self/fd/1";
}

void write_output(const std::string& name, std::string_view bytes) {
  if (is_standard_output(name)) return write_standard_output(bytes);
  write_file(name, bytes);
}

void check_output(const std::string& name, const std::vector<std::string>& inputs) {
  if (is_standard_output(name)) return;
  if (name.empty()) throw UsageError("-o is empty; name a file, or - for standard output");
  struct stat output {};
  const bool there = ::stat(name.c_str(), &output) == 0;
  if (there && S_ISDIR(output.st_mode)) throw FileError(text("-o ", fs::path(name), " is a folder; name a file"));
  for (const std::string& input : inputs) {
    struct stat info {};
    if (there && S_ISREG(output.st_mode) && ::stat(input.c_str(), &info) == 0 && is_same_file(output, info))
      throw UsageError(
          text("-o ", fs::path(name), " is also an input (", fs::path(input), "), which would be lost; choose another name"));
  }
  if (there && (!S_ISREG(output.st_mode) || stream_into(output) >= 0)) return;
  const fs::path folder = folder_of(followed(name));
  if (!is_folder(folder)) {
    const std::string flaw = path_flaw(folder);
    throw FileError(text("cannot write ", fs::path(name), ": ", folder, " ", flaw.empty() ? "is not a folder" : flaw));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw FileError(text("cannot write ", fs::path(name), ": the folder ", folder, " may not be written: ", reason()));
}

void check_output_folder(const std::string& name, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& written) {
  if (name.empty() || is_standard_output(name))
    throw UsageError(text("-o is '", name, "'; name a folder: this command writes several files"));
  if (path_exists(name) && !is_folder(name)) {
    const std::string flaw = path_flaw(name);
    throw FileError(text("-o ", fs::path(name), " ", flaw.empty() ? "is a file; name a folder" : flaw));
  }
  std::error_code none;
  const fs::path folder = fs::weakly_canonical(name, none);
  for (const std::string& input : inputs) {
    const fs::path inside = fs::weakly_canonical(input, none).lexically_relative(folder);
    if (inside.empty()) continue;
    const std::string first = inside.begin()->string();
    for (const std::string& entry : written) {
      const bool is_there = entry.ends_with('*') ? first.starts_with(entry.substr(0, entry.size() - 1)) : first == entry;
      if (is_there)
        throw UsageError(text("the input ", fs::path(input), " lies where -o ", fs::path(name),
                              " is written and would be lost; choose another folder"));
    }
  }
}

}  // namespace vitrine
