#include "tensor/isa.h"

#include <atomic>
#include <cstdlib>

#include "base/error.h"

namespace vitrine {
namespace {

#if defined(__x86_64__)
// What -march=x86-64-v3 and -v4 let the compiler use, feature by feature: not every compiler knows the levels by name.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

Isa best() {
  if (isa_supported(Isa::avx512)) return Isa::avx512;
  return isa_supported(Isa::avx2) ? Isa::avx2 : Isa::scalar;
}

Isa checked(Isa isa) {
  if (!isa_supported(isa)) {
    throw UsageError(
        text("the instruction set ", isa_name(isa), " is not there on this machine, its widest is ", isa_name(best())));
  }
  return isa;
}

Isa from_environment() {
  const char* asked = std::getenv("VITRINE_SIMD");
  if (asked == nullptr) return best();
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa_name(isa) == asked) return checked(isa);
  }
  throw UsageError(text("VITRINE_SIMD is '", asked, "', one of ", isa_name(Isa::scalar), ", avx2, avx512 was expected"));
}

std::atomic<Isa>& chosen() {
  static std::atomic<Isa> isa{from_environment()};
  return isa;
}

}  // namespace

Isa active_isa() { return chosen().load(std::memory_order_relaxed); }

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    case Isa::scalar: break;
  }
#if defined(__aarch64__)
  return "neon";  // every 64-bit ARM processor has it: the general set is compiled for it
#else
  return "scalar";
#endif
}

bool isa_supported(Isa isa) {
#if defined(__x86_64__)
  // The compiler's check covers the operating system's support (XCR0) as well as the processor's.
  switch (isa) {
    case Isa::avx512: return has_avx2() && has_avx512();
    case Isa::avx2: return has_avx2();
    case Isa::scalar: break;
  }
#endif
  return isa == Isa::scalar;
}

void set_active_isa(Isa isa) { chosen().store(checked(isa)); }

}  // namespace vitrine
