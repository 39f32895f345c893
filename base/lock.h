// A folder that one process works in at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

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

// Error as above when a process has `folder`, or one that lies in it at any depth.
void refuse_in_use(const std::filesystem::path& folder);

struct LockHolder {
  std::string line;    // "process 4711 on host since 2026-11-25T18:15:57Z", made safe to show
  bool ended = false;  // it is a process of this host that is gone: it was killed
};
// Who holds `folder`, for those who only look: read from the lock's file, which is not locked for it, since that would keep its owner out.
// Nothing where there is none. Of a process on another host it is not known whether it ended.
std::optional<LockHolder> lock_holder(const std::filesystem::path& folder);

}  // namespace vitrine
