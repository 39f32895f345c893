// A file that others read while it grows: what is there stays, new bytes come at its end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/descriptor.h"

namespace vitrine {

class GrowingFile {
 public:
  // Begins with these bytes, by replacing what is there (base/output.h). FileError.
  GrowingFile(const std::filesystem::path& path, std::string_view bytes);
  // Goes on with the file that is there, cut to its first `size` bytes. FileError.
  GrowingFile(const std::filesystem::path& path, std::uint64_t size);
  // In one write where the system takes them at once, so that readers see whole pieces as a rule; nothing waits for the disk. FileError.
  void append(std::string_view bytes);
  void sync();  // returns when all of it is on the disk. FileError.

 private:
  std::filesystem::path path_;
  Descriptor file_;
};

}  // namespace vitrine
