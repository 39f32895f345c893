// Instruction sets: kernels are written once (tensor/simd.h) and compiled once for each of these.
//
// A kernel file `*_cpu.cpp` is compiled with VITRINE_ISA set to scalar, avx2 and avx512 in turn, into the namespace
// vitrine::kernels::<isa>. It defines one table of function pointers; the op picks the table of this machine with
// for_this_machine. All sets compute the same bits.
#pragma once

#include <string_view>

#include "tensor/device.h"

namespace vitrine {

namespace cuda {
void make_current(Device device);  // tensor/cuda/runtime.h
}

enum class Isa { scalar, avx2, avx512 };

// The widest set that this machine and its operating system support, or the one VITRINE_SIMD=scalar|avx2|avx512 names.
// UsageError for an unknown name or a set the machine lacks. Decided at the first call.
Isa active_isa();
std::string_view isa_name(Isa isa);
bool isa_supported(Isa isa);
void set_active_isa(Isa isa);  // for tests that compare instruction sets; UsageError when unsupported

template <class Kernels>
const Kernels& for_this_machine(const Kernels& scalar, const Kernels& avx2, const Kernels& avx512) {
  switch (active_isa()) {
    case Isa::avx512: return avx512;
    case Isa::avx2: return avx2;
    case Isa::scalar: break;
  }
  return scalar;
}

// The set of kernels for a device: on the CPU the one of this machine's instruction set. A CUDA device becomes this thread's current one.
template <class Kernels>
const Kernels& for_device(Device device, const Kernels& scalar, const Kernels& avx2, const Kernels& avx512,
                          const Kernels& on_cuda) {
  if (!device.is_cuda()) return for_this_machine(scalar, avx2, avx512);
  cuda::make_current(device);
  return on_cuda;
}

}  // namespace vitrine
