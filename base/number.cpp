#include "base/number.h"

#include <charconv>
#include <cmath>

namespace vitrine {
namespace {

template <class T>
std::string shortest_text(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, result.ptr);
}

template <class T>
bool parse_whole(std::string_view s, T& value) {
  T parsed{};
  const auto result = std::from_chars(s.data(), s.data() + s.size(), parsed);
  if (result.ec != std::errc() || result.ptr != s.data() + s.size()) return false;
  value = parsed;
  return true;
}

}  // namespace

std::string shortest(double value) { return shortest_text(value); }
std::string shortest(float value) { return shortest_text(value); }

std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return shortest_text(value);
  char buffer[512];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, digits);
  std::string out(buffer, result.ptr);
  const bool is_zero = out.find_first_not_of("-0.") == std::string::npos;
  return is_zero && out.front() == '-' ? out.substr(1) : out;  // "-0.00" reads like a mistake
}

void append_number(std::string& out, double value) {
  constexpr double kWhole = 1e15;  // below it every whole number is exact
  if (value > -kWhole && value < kWhole && value == std::trunc(value))
    return append_number(out, static_cast<std::int64_t>(value));
  char buffer[64];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6).ptr);
}
void append_number(std::string& out, std::int64_t value) {
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}
void append_number(std::string& out, std::uint64_t value) {
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

bool parse_number(std::string_view s, double& value) { return parse_whole(s, value); }
bool parse_number(std::string_view s, std::int64_t& value) { return parse_whole(s, value); }
bool parse_number(std::string_view s, std::uint64_t& value) { return parse_whole(s, value); }

}  // namespace vitrine
