// The version of this program, as its files carry it.
#pragma once

#include <string_view>

namespace vitrine {

std::string_view version();  // "0.3.0", from CMakeLists.txt

}  // namespace vitrine
