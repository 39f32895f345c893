// The bytes of an untrusted file, read by position: nothing is mapped, and nothing is kept but what a reader asks for.
//
// A checkpoint is parsed from its directory alone; each tensor's bytes go from the file into their place when they are asked for.
// So a network is loaded with little more memory than its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace vitrine {

// Larger files are refused before anything is read: the largest published EfficientNet (b7) has 266 MB.
constexpr std::uint64_t kMaxCheckpointBytes = std::uint64_t{4} << 30;

class ByteSource {
 public:
  ByteSource() = default;         // no bytes
  ByteSource(std::string bytes);  // in memory
  // Keeps the file open as long as a copy lives. WeightsError when it is missing, not a regular file or too large.
  static ByteSource file(const std::filesystem::path& path);

  std::uint64_t size() const;
  std::string name() const;  // of the file, to be shown; empty for bytes in memory
  // The bytes from `offset`. InternalError beyond the end (readers compare with size() first); WeightsError when the file has
  // changed since it was opened.
  void read(std::uint64_t offset, std::span<char> out) const;
  std::string read(std::uint64_t offset, std::uint64_t count) const;
  std::string head(std::uint64_t most) const;              // the first bytes, at most so many
  std::string sha256() const;                              // of all bytes, read in pieces
  const void* identity() const { return content_.get(); }  // equal for copies

 private:
  class Content;
  std::shared_ptr<const Content> content_;
};

}  // namespace vitrine
