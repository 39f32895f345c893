#include "base/progress.h"

#include <unistd.h>

#include <cstdio>

namespace vitrine {

Progress::Progress(bool quiet) : terminal_(::isatty(STDERR_FILENO) != 0), quiet_(quiet) {}

Progress::~Progress() {
  if (drawn_) std::fputc('\n', stderr);
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void Progress::update(std::string_view text) {
  if (quiet_ || !terminal_) return;
  const std::scoped_lock lock(mutex_);
  clear();
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::line(std::string_view text) {
  if (quiet_) return;
  const std::scoped_lock lock(mutex_);
  clear();
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fputc('\n', stderr);
  std::fflush(stderr);
}

}  // namespace vitrine
