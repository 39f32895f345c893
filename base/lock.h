// A folder that one process works in at a time.
#pragma once

#include <filesystem>

#include "base/descriptor.h"

namespace vitrine {

// Holds `folder` as long as it lives, by a lock on the file `.vitrine-lock` in it, which names process, host and start. The system lets go of
// the lock when the process ends, however it ends. Error (exit code 1) naming the holder when another process, or another FolderLock of
// this one, has it. On a file system without locks a note says so, and nothing is held.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&&) = default;

 private:
  std::filesystem::path file_;
  Descriptor held_;
};

}  // namespace vitrine
