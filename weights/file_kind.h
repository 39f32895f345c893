// What a file that is no checkpoint probably is, so that the refusal can say so.
#pragma once

#include <string_view>

namespace vitrine {

// Of the first 512 bytes or more of a file: "a Git LFS pointer; fetch the real file with 'git lfs pull'", "an HTML page; ...": empty when the first bytes are unknown.
std::string_view other_kind_of_file(std::string_view bytes);

}  // namespace vitrine
