#include "base/names.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine {
namespace {

bool is_blank(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x202f ||
         c == 0x205f || c == 0x2060 || c == 0x3000 || c == 0xfeff;
}

bool is_combining(char32_t c) {
  return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x20d0 && c <= 0x20ff);
}

char32_t lower(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 0x20;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 0x20;
  if (c >= 0x391 && c <= 0x3ab) return c + 0x20;
  if (c >= 0x410 && c <= 0x42f) return c + 0x20;
  if (c >= 0x400 && c <= 0x40f) return c + 0x50;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c | 1;  // pairs, the capital even
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c % 2 == 1 ? c + 1 : c;
  return c;
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xe0 | c >> 12);
    } else {
      out += static_cast<char>(0xf0 | c >> 18);
      out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

bool is_ascii_alphanumeric(char32_t c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// What is wrong with a name of at most `most` characters, of which each must be `allowed`.
template <class Allowed>
std::string name_flaw(std::string_view name, std::size_t most, const Allowed& allowed) {
  if (name.empty()) return "is empty";
  std::size_t count = 0;
  for (std::string_view rest = name; !rest.empty(); ++count) {
    const Utf8Character c = first_character(rest);
    if (c.bytes == 0) return "is not UTF-8; save the file as UTF-8";
    const std::string here = printable(rest.substr(0, c.bytes));
    if (is_invisible(c.point)) return text("holds the character ", here, ", which cannot be shown");
    if (is_combining(c.point)) return "holds a combining mark; write the letter and its mark as one character";
    if (!allowed(c.point)) return text("holds '", here, "'");
    rest.remove_prefix(c.bytes);
  }
  return count > most ? text("has ", count, " characters, at most ", most, " are allowed") : std::string();
}

}  // namespace

std::string_view trimmed(std::string_view s) {
  while (!s.empty()) {
    const Utf8Character c = first_character(s);
    if (c.bytes == 0 || !is_blank(c.point)) break;
    s.remove_prefix(c.bytes);
  }
  while (!s.empty()) {
    std::size_t at = s.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(s[at]) & 0xc0) == 0x80) --at;
    const Utf8Character c = first_character(s.substr(at));
    if (c.bytes != s.size() - at || !is_blank(c.point)) break;
    s.remove_suffix(c.bytes);
  }
  return s;
}

std::vector<std::string> split_at(std::string_view s, char separator) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t end = std::min(s.find(separator), s.size());
    pieces.emplace_back(s.substr(0, end));
    if (end == s.size()) return pieces;
    s.remove_prefix(end + 1);
  }
}

std::string case_folded(std::string_view s) {
  std::string out;
  while (!s.empty()) {
    const Utf8Character c = first_character(s);
    if (c.bytes == 0) {
      out += s.front();
      s.remove_prefix(1);
      continue;
    }
    append(out, lower(c.point));
    s.remove_prefix(c.bytes);
  }
  return out;
}

std::string CaseClashes::see(const std::string& name) {
  const auto [found, is_new] = first_.emplace(case_folded(name), name);
  return is_new || found->second == name ? std::string() : found->second;
}

std::string identifier_flaw(std::string_view name) {
  constexpr std::size_t kMost = 64;
  constexpr std::u32string_view kMarks = U"-_.+ @";
  std::string flaw = name_flaw(name, kMost, [&](char32_t c) {
    return is_ascii_alphanumeric(c) || kMarks.find(c) != kMarks.npos || (c >= 0xc0 && !is_blank(c) && c != 0xd7 && c != 0xf7);
  });
  if (flaw.empty() && std::string_view("-.+ @").find(name.front()) != std::string_view::npos)
    flaw = text("begins with '", name.front(), "'");
  return flaw.empty() ? flaw : flaw + "; letters, digits, '-', '_' and '.' can be part of a file name";
}

std::string label_flaw(std::string_view label) {
  constexpr std::size_t kMost = 120;
  return name_flaw(label, kMost, [](char32_t) { return true; });
}

}  // namespace vitrine
