// The lines of a file, one after the other, however long it is: a piece of it is held.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"

namespace vitrine::audit {

class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& file);  // FileError

  // The next line with its newline, or what stands behind the last one without; nothing at the end. Valid until the next call of `peek`.
  // DataError for a line of more than a mebibyte; FileError when the file changes while it is read.
  std::optional<std::string_view> peek();
  void skip() { at_ += std::exchange(line_, 0); }  // passes over the line that peek gave

  std::uint64_t offset() const { return begin_ + at_; }  // of the next line
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  bool fill();  // false where the file has no more

  InputFile file_;
  std::string held_;
  std::uint64_t begin_ = 0;        // of `held_` in the file
  std::size_t at_ = 0, line_ = 0;  // in `held_`: the next line; its bytes where they are known
};

}  // namespace vitrine::audit
