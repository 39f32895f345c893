#include "weights/header_text.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kWindow = std::uint64_t{64} << 10;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_plain(char c) { return !is_control(c) && c != '"' && c != '\\'; }  // within a string

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool belongs_to_number(char c) { return is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'; }

// RFC 8259, section 6. `cut`: the end is missing.
bool is_json_number(std::string_view s, bool cut) {
  std::size_t at = s.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < s.size() && is_digit(s[at])) ++at;
    return at > first || (cut && at == s.size());
  };
  const std::size_t whole = at;
  if (!digits() || (s[whole] == '0' && at > whole + 1)) return false;
  if (at < s.size() && s[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    ++at;
    if (at < s.size() && (s[at] == '+' || s[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == s.size();
}

// UTF-8 of a code point, which may be a surrogate: the string is checked as a whole.
std::string utf8(unsigned point) {
  std::string out;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
  return out;
}

}  // namespace

HeaderText::HeaderText(const ByteSource& source, std::uint64_t begin, std::uint64_t end, std::string_view file)
    : source_(source), at_(begin), end_(end), window_begin_(begin), file_(file) {}

void HeaderText::malformed() const {
  throw WeightsError(text(file_, ": the header is not valid JSON at byte ", at_, "; the file is damaged, fetch it again"));
}

char HeaderText::byte() {
  if (at_ == end_) return 0;
  if (at_ - window_begin_ >= window_.size()) {
    window_begin_ = at_;
    window_ = source_.read(at_, std::min(kWindow, end_ - at_));
  }
  const char c = window_[static_cast<std::size_t>(at_ - window_begin_)];
  if (is_control(c)) {
    throw WeightsError(text(file_, ": the header has the control character ", static_cast<int>(c), " at byte ", at_,
                            ", other programs would read another header; the file is damaged, fetch it again"));
  }
  return c;
}

char HeaderText::next() {
  const char c = byte();
  if (c == 0) malformed();
  ++at_;
  return c;
}

std::string_view HeaderText::rest_of_window() {
  byte();
  return at_ == end_ ? std::string_view() : std::string_view(window_).substr(static_cast<std::size_t>(at_ - window_begin_));
}

char HeaderText::peek() {
  while (byte() == ' ') {
    const std::string_view rest = rest_of_window();
    at_ += std::min(rest.find_first_not_of(' '), rest.size());
  }
  return byte();
}

void HeaderText::expect(char c) {
  if (!take_if(c)) malformed();
}

bool HeaderText::take_if(char c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

unsigned HeaderText::four_digits() {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = next();
    const std::size_t digit = std::string_view("0123456789abcdef").find(static_cast<char>(is_digit(c) ? c : c | 0x20));
    if (digit == std::string_view::npos) malformed();
    value = value << 4 | static_cast<unsigned>(digit);
  }
  return value;
}

void HeaderText::append(std::string& value, char c, std::size_t most) {
  if (value.size() <= most) value += c;
}

// Behind a backslash.
void HeaderText::escape(std::string& value, std::size_t most) {
  const char c = next();
  constexpr std::string_view kShort = "\"\\/bfnrt", kMeaning = "\"\\/\b\f\n\r\t";
  if (const std::size_t at = kShort.find(c); at != std::string_view::npos) return append(value, kMeaning[at], most);
  if (c != 'u') malformed();
  unsigned point = four_digits();
  if (point >= 0xd800 && point < 0xdc00) {  // the first half of a pair
    if (next() != '\\' || next() != 'u') malformed();
    const unsigned low = four_digits();
    if (low < 0xdc00 || low >= 0xe000) malformed();
    point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
  }
  for (const char unit : utf8(point)) append(value, unit, most);
}

bool HeaderText::string(std::string& value, std::size_t most) {
  expect('"');
  value.clear();
  while (value.size() <= most) {
    // What needs no second look, at once.
    const std::string_view rest = rest_of_window().substr(0, most + 1 - value.size());
    const std::size_t plain = static_cast<std::size_t>(std::ranges::find_if_not(rest, is_plain) - rest.begin());
    value.append(rest, 0, plain);
    at_ += plain;
    if (plain > 0) continue;
    const char c = next();
    if (c == '"') {
      if (!is_utf8(value)) malformed();
      return true;
    }
    if (c == '\\') {
      escape(value, most);
    } else {
      append(value, c, most);
    }
  }
  return false;
}

std::string HeaderText::number() {
  constexpr std::size_t kMost = 82;  // more than any number of 64 bits, and than what is shown
  std::string digits;
  peek();
  while (digits.size() < kMost && belongs_to_number(byte())) digits += next();
  if (!is_json_number(digits, digits.size() == kMost)) malformed();
  return digits;
}

std::string HeaderText::described() {
  switch (peek()) {
    case '{': return "an object";
    case '[': return "a list";
    case '"': return "a string";
    default: break;
  }
  for (const std::string_view word : {"null", "true", "false"}) {
    if (byte() != word.front()) continue;
    for (const char c : word) {
      if (next() != c) malformed();
    }
    return std::string(word);
  }
  return text("the number ", printable(number()));
}

}  // namespace vitrine
