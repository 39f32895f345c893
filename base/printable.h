// Foreign text made safe to show: whatever came out of a file, an argument or a path.
//
// A name in a message may hold a newline that forges a second line, an escape sequence that rewrites the terminal, a direction
// mark that turns "gpj.exe" into "exe.jpg", or ten megabytes. Everything that is not printable is written as an escape, and what is
// too long is cut.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace vitrine {

// One line of at most `most` characters: controls, direction and other format marks, separators of lines and bytes that are not UTF-8
// become \n, \t, \x1b or \u{202e}; a longer text ends in "...".
std::string printable(std::string_view text, std::size_t most = 80);

// A path in at most 80 characters; a longer one loses its beginning, since the file's name stands at the end.
std::string shown(const std::filesystem::path& path);

// A whole message in one line of at most `most` bytes; a longer one loses its middle, since it begins with the place and ends with
// the advice.
std::string one_line(std::string_view message, std::size_t most);

// Where `text` stops being UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF); npos when all of it is.
std::size_t utf8_flaw(std::string_view text);
inline bool is_utf8(std::string_view text) { return utf8_flaw(text) == std::string_view::npos; }

// The character at the front of `text`: its code point and its length in bytes; length 0 when it is not UTF-8.
struct Utf8Character {
  char32_t point = 0;
  std::size_t bytes = 0;
};
Utf8Character first_character(std::string_view text);

// Controls, marks of format and direction, separators of lines, surrogates, points that no character has: nothing to show.
bool is_invisible(char32_t point);

}  // namespace vitrine
