// Progress on stderr: one redrawn line on a terminal, one plain line per call of `line` otherwise. Threads may share one.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace vitrine {

class Progress {
 public:
  explicit Progress(bool quiet = false);
  ~Progress();  // ends a redrawn line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::string_view text);  // transient: shown on a terminal only, replaces the line before it
  void line(std::string_view text);    // stays: shown everywhere
  void warn(std::string_view text);    // stays, and is shown when the rest is quiet too: "vitrine: note: ..."

 private:
  void clear();
  void put(std::string_view text);

  std::mutex mutex_;
  bool terminal_ = false;
  bool quiet_ = false;
  bool drawn_ = false;
};

}  // namespace vitrine
