// Room for a kernel's intermediate values.
#pragma once

#include <cstddef>

namespace vitrine {

// A block of at least `floats` floats, aligned to 64 bytes, that belongs to the calling thread until it asks again. It grows and is
// kept, so a loop of equal steps allocates in its first round only.
float* thread_scratch(std::size_t floats);

}  // namespace vitrine
