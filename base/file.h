// Reading files that nobody vouches for: regular, bounded, unchanged while they are read.
#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace vitrine {

// What keeps `path` from being read as a regular file, as the end of a sentence: "does not exist", "is a folder", "is a link to
// 'x', which does not exist", "is a loop of links", "has a name that is too long". Empty when nothing does.
std::string path_flaw(const std::filesystem::path& path);

// True when something is there, whatever it is, a dangling link included. Never throws.
bool path_exists(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);  // through links

// What lies in a folder, by name; with `below`, in the folders below it as well (links to folders are not followed). Empty when it cannot be
// read. Interrupted.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder, bool below = false);

// For a folder of files that are all this program's own: DataError naming the first entry that is no plain file. A link would lead a write to
// another file, a pipe would wait for ever.
void check_plain_files(const std::filesystem::path& folder);
void check_plain_file(const std::filesystem::path& path);  // the same of one file, which need not be there

// An open file with the size and the time it had then. Nothing is mapped: a file that shrinks cannot crash its reader.
class InputFile {
 public:
  // FileError when it is missing, not a regular file, cannot be read or is larger than `max_bytes`.
  InputFile(const std::filesystem::path& path, std::uint64_t max_bytes);

  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_.get(); }
  // The bytes from `offset`, which must lie inside. FileError when the file has changed since it was opened; Interrupted.
  void read(std::uint64_t offset, std::span<char> out) const;
  std::string sha256() const;  // of all bytes, read in pieces

 private:
  void refuse_change() const;

  std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
  timespec modified_{};
};

// The whole content. FileError as above.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes);
std::string sha256_of_file(const std::filesystem::path& path, std::uint64_t max_bytes);

// Creates a folder and its parents; does nothing when it exists. FileError when it cannot.
void make_directory(const std::filesystem::path& path);

}  // namespace vitrine
