#include "base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>

#include "base/number.h"
#include "base/printable.h"

namespace vitrine {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// A size that an environment variable gives; `otherwise` when it gives none.
int size_from(const char* name, int otherwise) {
  constexpr std::int64_t kMost = 10'000;
  std::int64_t value = 0;
  return parse_number(variable(name), value) && value > 0 ? static_cast<int>(std::min(value, kMost)) : otherwise;
}

struct Range {
  char32_t first, last;
};

// Unicode 15, East_Asian_Width W and F and Emoji_Presentation, joined over points that are not assigned.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                           {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
                           {0xffe0, 0xffe6},   {0x16fe0, 0x18d08}, {0x1aff0, 0x1b2fb}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
                           {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
// Combining marks of the Latin, Greek, Cyrillic, Hebrew and Arabic scripts, and those for symbols.
constexpr Range kJoining[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},  {0x64b, 0x65f},
                              {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20f0}, {0xfe20, 0xfe2f}};

template <std::size_t N>
bool lies_in(const Range (&ranges)[N], char32_t point) {
  return std::any_of(ranges, ranges + N, [&](const Range& r) { return point >= r.first && point <= r.last; });
}

struct Character {
  std::size_t bytes = 0, columns = 0;
};

Character next_character(std::string_view text) {
  const Utf8Character c = first_character(text);
  if (c.bytes == 0) return {1, 1};
  return {c.bytes, lies_in(kWide, c.point) ? 2u : lies_in(kJoining, c.point) ? 0u : 1u};
}

// The bytes at the front of `text` that take at most `columns`.
std::size_t bytes_within(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0, used = 0;
  while (bytes < text.size()) {
    const Character c = next_character(text.substr(bytes));
    if (used + c.columns > columns) break;
    used += c.columns;
    bytes += c.bytes;
  }
  return bytes;
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) != 0; }

TerminalSize terminal_size(int descriptor) {
  winsize size{};
  TerminalSize out;
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0;
  out.columns = known && size.ws_col > 0 ? size.ws_col : size_from("COLUMNS", out.columns);
  out.rows = known && size.ws_row > 0 ? size.ws_row : size_from("LINES", out.rows);
  return out;
}

bool is_dumb_terminal() { return variable("TERM") == "dumb"; }

bool wants_colour() { return variable("NO_COLOR").empty() && !is_dumb_terminal(); }

bool environment_says_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::tolower(c); });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character c = next_character(text);
    columns += c.columns;
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string cut_to_columns(std::string_view text, std::size_t columns) {
  constexpr std::string_view kCut = "...";
  const std::size_t fits = bytes_within(text, columns);
  if (fits == text.size()) return std::string(text);
  if (columns < 2 * kCut.size()) return std::string(text.substr(0, fits));
  return std::string(text.substr(0, bytes_within(text, columns - kCut.size()))).append(kCut);
}

}  // namespace vitrine
