#include "base/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/standard_streams.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockFile = ".vitrine-lock";

std::string this_host() {
  std::array<char, 256> host{};
  return ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "this host";
}

// "process 4711 on host since 2026-11-25T18:15:57Z".
std::string holder() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> since{};
  std::strftime(since.data(), since.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text("process ", ::getpid(), " on ", this_host(), " since ", since.data());
}

std::string content_of(int file) {
  std::string bytes(200, '\0');
  const ssize_t n = ::pread(file, bytes.data(), bytes.size(), 0);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return printable(bytes);
}

// Who holds the lock. The holder writes its line just after it got the lock: an empty file is read again for up to half a second.
std::string holder_of(int file) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string line = content_of(file);
    if (!line.empty()) return line;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return "a process that did not write its name";
}

// The name still means the file that was locked: whoever held it before may have removed it in between.
bool still_named(const fs::path& path, int file) {
  struct stat named {
  }, held{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file, &held) == 0 && named.st_ino == held.st_ino &&
         named.st_dev == held.st_dev;
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) : file_(folder / kLockFile) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    Descriptor file(::open(file_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file.is_open()) throw FileError(text("cannot lock ", folder, ": ", std::strerror(errno)));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) {
        throw Error(ExitCode::runtime, text(folder, " is in use by ", holder_of(file.get()),
                                            "; wait until it has ended, or choose another folder"));
      }
      note(text(folder, " lies on a file system without locks; do not let two processes write there at once"));
      return;
    }
    if (!still_named(file_, file.get())) continue;
    const std::string line = holder();
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
      const std::string why = std::strerror(errno);
      ::unlink(file_.c_str());
      throw FileError(text("cannot lock ", folder, ": ", why));
    }
    held_ = std::move(file);
    return;
  }
  throw FileError(text("cannot lock ", folder, ": its lock changes hands all the time"));
}

void refuse_in_use(const fs::path& folder) {
  for (const fs::path& path : entries_of(folder, true)) {
    if (path.filename() == kLockFile) FolderLock(path.parent_path());
  }
}

std::optional<LockHolder> lock_holder(const fs::path& folder) {
  const Descriptor file(::open((folder / kLockFile).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  LockHolder found{content_of(file.get()), false};
  if (found.line.empty()) found.line = "a process that has not yet written its name";
  constexpr std::string_view kProcess = "process ";
  if (!found.line.starts_with(kProcess)) return found;
  const std::string rest = found.line.substr(kProcess.size());
  const std::size_t end = rest.find(' ');
  std::int64_t process = 0;
  if (end == std::string::npos || !parse_number(std::string_view(rest).substr(0, end), process) || process < 1 ||
      process > std::numeric_limits<pid_t>::max() || !rest.substr(end).starts_with(" on " + this_host() + " since "))
    return found;
  found.ended = ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
  return found;
}

FolderLock::~FolderLock() {
  if (held_.is_open()) ::unlink(file_.c_str());
}

}  // namespace vitrine
