// Numbers as text, always in the C locale and always the same for the same bits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine {

// Shortest decimal that reads back to the same bits; "nan", "inf", "-inf".
std::string shortest(double value);
std::string shortest(float value);

// `digits` decimals, rounded half to even on the exact binary value: fixed(0.125, 2) == "0.12".
std::string fixed(double value, int digits);

// As text() of base/error.h writes them: real numbers in six digits, whole ones without an exponent.
void append_number(std::string& out, double value);
void append_number(std::string& out, std::int64_t value);
void append_number(std::string& out, std::uint64_t value);

// The whole of `s` as a number. False (and `value` untouched) for anything else: spaces, trailing text, a decimal comma.
bool parse_number(std::string_view s, double& value);
bool parse_number(std::string_view s, std::int64_t& value);
bool parse_number(std::string_view s, std::uint64_t& value);

}  // namespace vitrine
