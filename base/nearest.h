// What somebody probably meant by a name that is none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

// Letters to change, add, drop, or exchange with their neighbour to make one word of the other (Damerau 1964, Levenshtein 1965; no place
// is edited twice).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The name nearest to `word` when it is near enough to be a slip: at most a third of its letters. Empty when none is.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

// The place of `name` in `names`. UsageError: "--schedule is 'x', which does not exist; is it y?", or with the whole list.
std::size_t chosen_name(std::string_view option, std::string_view name, const std::vector<std::string>& names);

}  // namespace vitrine
