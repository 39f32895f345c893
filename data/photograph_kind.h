// What a file is that may not be what it was taken for.
#pragma once

#include <string>
#include <string_view>

namespace vitrine {

inline bool is_jpeg(std::string_view head) { return head.starts_with("\xff\xd8\xff"); }
inline bool is_png(std::string_view head) { return head.starts_with("\x89PNG\r\n\x1a\n"); }

// Of a file that is neither PNG nor JPEG, from its first bytes (some hundred), as the end of a sentence with the next step: "it is a WebP
// picture; convert it to PNG or JPEG first".
std::string not_a_photograph(std::string_view head);

}  // namespace vitrine
