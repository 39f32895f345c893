// Settings from a file: the part of TOML 1.0 that a list of options needs.
//
// Accepted   `key = value` and [section] lines, comments, a byte-order mark, lines that end in LF or CRLF. Values: strings of one line ("..." with
//            the short escapes, '...' without), whole numbers, real numbers, true, false; lists of these, over several lines as well
//            ([1, 2]), and tables of these in one line ({ low = 1, high = 2 })
// Refused    by name, in a sentence with file and line: what else TOML has (lists and tables within each other, dotted and quoted keys,
//            dates, strings of several lines), a section or a key twice, numbers that are not plainly decimal (0x10, 010, 1_000, inf)
// Reference  toml.io/en/v1.0.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

enum class TomlKind { text, whole, real, truth, list, table };

// "a text", "a whole number", "a list": what a message says was found.
const char* kind_text(TomlKind kind);

struct TomlItem {   // of a list or a table
  std::string key;  // empty in a list
  TomlKind kind = TomlKind::text;
  std::string value;
  int line = 0;
};

struct TomlEntry {
  std::string section;  // empty before the first one
  std::string key;
  TomlKind kind = TomlKind::text;
  std::string value;  // a text without its quotes; a list or a table in one line; anything else as it is written
  int line = 0;       // from 1, where the entry begins
  std::vector<TomlItem> items = {};
};

struct TomlSection {
  std::string name;
  int line = 0;
};

struct TomlFile {
  std::filesystem::path path;
  std::vector<TomlSection> sections;
  std::vector<TomlEntry> entries;

  std::string where(int line) const;  // "path:line: ", the beginning of a message
};

inline constexpr std::uint64_t kMaxToml = 1u << 20;   // bytes
inline constexpr std::size_t kMaxTomlItems = 10'000;  // of a list

// 010, 0x10, 0b1 and 0_1, with or without a sign: not plainly decimal, and read as another number by some programs. The command line refuses
// them as well (cli/command_line.h).
bool begins_with_zero(std::string_view number);

TomlFile parse_toml(std::string_view text, const std::filesystem::path& path);  // UsageError
TomlFile read_toml(const std::filesystem::path& path);  // UsageError, also for a file that cannot be read

}  // namespace vitrine
