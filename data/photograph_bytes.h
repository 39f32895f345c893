// The bytes of a picture's file, read by position: from an open file, in the worker of a sandbox too, or from memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vitrine {

class PhotographBytes {
 public:
  PhotographBytes(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}
  explicit PhotographBytes(std::string_view memory) : memory_(memory), size_(memory.size()) {}

  std::uint64_t size() const { return size_; }
  // As many as there are from `offset`, at most out.size(). DataError when the file has become shorter or cannot be read.
  std::size_t read(std::uint64_t offset, std::span<char> out) const;
  std::string head(std::size_t most) const;

 private:
  int descriptor_ = -1;
  std::string_view memory_;
  std::uint64_t size_;
};

}  // namespace vitrine
