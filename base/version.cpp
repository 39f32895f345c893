#include "base/version.h"

namespace vitrine {

std::string_view version() { return VITRINE_VERSION; }

}  // namespace vitrine
