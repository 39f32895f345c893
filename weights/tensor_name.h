// Names that come out of an untrusted file.
#pragma once

#include <string_view>

namespace vitrine {

// What is wrong with a tensor's name, as the end of a sentence ("has a control character"): empty, longer than 512 bytes, a
// control character (NUL would hide a tensor from other tools), not UTF-8. An empty answer means that the name is fine.
std::string_view tensor_name_flaw(std::string_view name);

}  // namespace vitrine
