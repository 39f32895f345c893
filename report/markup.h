// Text for HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace vitrine::report {

std::string escaped(std::string_view text);  // & < > " ' as entities; control characters dropped
std::string base64(std::string_view bytes);  // RFC 4648, with padding

}  // namespace vitrine::report
