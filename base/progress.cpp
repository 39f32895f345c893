#include "base/progress.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/printable.h"

namespace vitrine {
namespace {

constexpr std::size_t kMostBytes = 400;

}  // namespace

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
  const std::string shown = one_line(text, kMostBytes);
  const std::scoped_lock lock(mutex_);
  clear();
  std::fwrite(shown.data(), 1, shown.size(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::line(std::string_view text) {
  if (!quiet_) put(text);
}

void Progress::warn(std::string_view text) { put(std::string("vitrine: note: ").append(text)); }

void Progress::put(std::string_view text) {
  const std::string shown = one_line(text, kMostBytes) + "\n";
  const std::scoped_lock lock(mutex_);
  clear();
  std::fwrite(shown.data(), 1, shown.size(), stderr);
  std::fflush(stderr);
}

}  // namespace vitrine
