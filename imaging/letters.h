// Capital letters, digits and a few signs as pixels: 5 wide, 7 high.
#pragma once

#include <array>

namespace vitrine::imaging {

inline constexpr int kLetterRows = 7, kLetterColumns = 5;
using Letter = std::array<const char*, kLetterRows>;  // '#' is ink

// The letters of sides (R L A P S I), of the series' names, digits, the point and the space. InternalError for any other.
const Letter& letter_of(char c);

}  // namespace vitrine::imaging
