// Which of the gallery's faults (faults.json) is switched on: 0 for none. Only in copies of the sources that seed.py makes; nothing of the program.
#pragma once

namespace vitrine {

extern int seeded_fault_active;

// 1 where that one is, else 0.
[[maybe_unused]] static inline int seeded_fault(int number) { return seeded_fault_active == number ? 1 : 0; }

}  // namespace vitrine
