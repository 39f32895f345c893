// What a terminal can show: its size, whether it can be redrawn, and text cut to its columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vitrine {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

bool is_terminal(int descriptor);
// Asked anew at each call, since windows change. Where the terminal says nothing, or there is none: COLUMNS and LINES, else 80 x 24.
TerminalSize terminal_size(int descriptor);

bool is_dumb_terminal();       // TERM=dumb: no cursor can be moved
bool wants_colour();           // neither that, nor NO_COLOR with a value (no-color.org)
bool environment_says_utf8();  // LC_ALL, LC_CTYPE or LANG, the first that is set

// Columns that the text takes: two for the wide characters of East Asia and emoji, none for marks that join the letter before.
std::size_t columns_of(std::string_view text);
// At most `columns`; what is cut ends in "...", or in nothing where there is no room for that.
std::string cut_to_columns(std::string_view text, std::size_t columns);

}  // namespace vitrine
