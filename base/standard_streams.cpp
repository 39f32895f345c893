#include "base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace vitrine {
namespace {

constexpr std::size_t kMostOfANote = 290;

[[noreturn]] void refuse(int error) {
  throw FileError(text("cannot write to standard output: ", error == 0 ? "it is closed" : std::strerror(error),
                       "; what was printed is not complete"));
}

}  // namespace

void open_standard_streams() {
  for (int number = 0; number <= STDERR_FILENO; ++number) {
    if (::fcntl(number, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is taken, which is this one. Read-only: a write to it fails.
    if (::open("/dev/null", O_RDONLY) < 0) return;
  }
}

void write_standard_output(std::string_view bytes) {
  errno = 0;
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0) refuse(errno);
}

void finish_standard_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) refuse(errno);
}

void note(std::string_view message) { std::fprintf(stderr, "vitrine: note: %s\n", one_line(message, kMostOfANote).c_str()); }

}  // namespace vitrine
