// How often operator new ran in this test program. Linked with tests/count_allocations.cpp, which replaces it.
#pragma once

#include <cstdint>

namespace vitrine::testing {

std::uint64_t allocations();

}  // namespace vitrine::testing
