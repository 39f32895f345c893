#include "base/printable.h"

#include <array>
#include <vector>

namespace vitrine {
namespace {

struct Range {
  char32_t first, last;
};

// Unicode 15: categories Cc, Cf, Zl, Zp, Cs and the points that are never characters.
constexpr std::array<Range, 16> kInvisible{{{0x00, 0x1f},
                                            {0x7f, 0x9f},
                                            {0xad, 0xad},
                                            {0x600, 0x605},
                                            {0x61c, 0x61c},
                                            {0x6dd, 0x6dd},
                                            {0x180e, 0x180e},
                                            {0x200b, 0x200f},
                                            {0x2028, 0x202e},
                                            {0x2060, 0x206f},
                                            {0xd800, 0xdfff},
                                            {0xfe00, 0xfe0f},
                                            {0xfeff, 0xfeff},
                                            {0xfff9, 0xfffb},
                                            {0xfffe, 0xffff},
                                            {0xe0000, 0xe01ef}}};

std::string hexadecimal(char32_t value) {
  std::string digits;
  for (; value > 0; value /= 16) digits.insert(digits.begin(), "0123456789abcdef"[value % 16]);
  return digits.size() < 2 ? std::string(2 - digits.size(), '0') + digits : digits;
}

std::string escape(char32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  return point < 0x100 ? "\\x" + hexadecimal(point) : "\\u{" + hexadecimal(point) + "}";
}

// Takes one character, or one byte that is none, off the front of `text`.
std::string take_printable(std::string_view& text) {
  const Utf8Character c = first_character(text);
  const std::size_t bytes = c.bytes == 0 ? 1 : c.bytes;
  const std::string_view raw = text.substr(0, bytes);
  text.remove_prefix(bytes);
  if (c.bytes == 0) return escape(static_cast<unsigned char>(raw.front()));
  return is_invisible(c.point) ? escape(c.point) : std::string(raw);
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::size_t characters_of(std::string_view s) {
  std::size_t count = 0;
  for (const char c : s) count += continues(c) ? 0 : 1;
  return count;
}

constexpr std::string_view kCut = "...";

}  // namespace

Utf8Character first_character(std::string_view s) {
  if (s.empty()) return {};
  const auto lead = static_cast<unsigned char>(s.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >> 5 == 0x6 ? 2 : lead >> 4 == 0xe ? 3 : lead >> 3 == 0x1e ? 4 : 0;
  if (length == 0 || length > s.size()) return {};
  char32_t point = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(s[i])) return {};
    point = point << 6 | (static_cast<unsigned char>(s[i]) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return {};
  return {point, length};
}

std::size_t utf8_flaw(std::string_view s) {
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t bytes = static_cast<unsigned char>(s[at]) < 0x80 ? 1 : first_character(s.substr(at)).bytes;
    if (bytes == 0) return at;
    at += bytes;
  }
  return std::string_view::npos;
}

bool is_invisible(char32_t point) {
  for (const Range& r : kInvisible) {
    if (point >= r.first && point <= r.last) return true;
  }
  return point > 0x10ffff;
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t used = 0, cut_at = 0;  // cut_at: the bytes of `out` that leave room for kCut
  while (!text.empty()) {
    const std::string next = take_printable(text);
    used += characters_of(next);
    if (used > most) return out.substr(0, cut_at).append(kCut);
    out += next;
    if (used + kCut.size() <= most) cut_at = out.size();
  }
  return out;
}

std::string shown(const std::filesystem::path& path) {
  constexpr std::size_t kMost = 80, kMostBytes = 4096;  // no path of the system is longer
  const std::string& whole = path.native();
  std::string_view rest = whole;
  if (rest.size() > kMostBytes) rest.remove_prefix(rest.size() - kMostBytes);
  std::vector<std::string> pieces;
  std::size_t used = whole.size() > kMostBytes ? kMost + 1 : 0;
  while (!rest.empty()) {
    pieces.push_back(take_printable(rest));
    used += characters_of(pieces.back());
  }
  std::size_t first = 0;
  if (used > kMost) {
    used = 0;
    for (first = pieces.size(); first > 0; --first) {
      used += characters_of(pieces[first - 1]);
      if (used + kCut.size() > kMost) break;
    }
  }
  std::string out(first > 0 ? kCut : std::string_view());
  for (std::size_t i = first; i < pieces.size(); ++i) out += pieces[i];
  return out;
}

std::string one_line(std::string_view message, std::size_t most) {
  constexpr std::size_t kMostBytes = 1u << 16;
  std::string out;
  std::string_view rest = message.substr(0, kMostBytes);
  while (!rest.empty()) out += take_printable(rest);
  if (out.size() <= most) return out;
  constexpr std::string_view kGap = " ... ";
  std::size_t tail = most / 3, head = most - tail - kGap.size();
  while (head > 0 && continues(out[head])) --head;
  std::size_t back = out.size() - tail;
  while (back < out.size() && continues(out[back])) ++back;
  return out.substr(0, head).append(kGap).append(out, back);
}

}  // namespace vitrine
