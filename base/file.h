// Files: bounded reads and atomic writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace vitrine {

// The whole content of a regular file. FileError when it is missing, not a regular file, or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

// Writes to a temporary name beside `path`, fsyncs, renames over it and fsyncs the directory: afterwards `path` holds
// either its old content or all of `bytes`, whatever happens in between. Creates no directories. FileError on failure.
void write_file(const std::filesystem::path& path, std::string_view bytes);

// Creates a directory and its parents; does nothing when it exists. FileError when it cannot.
void make_directory(const std::filesystem::path& path);

}  // namespace vitrine
