#include "layers/folded.h"

#include "tensor/isa.h"

namespace vitrine::cpu {

namespace scalar {
extern const FoldedKernels folded_table;
}
namespace avx2 {
extern const FoldedKernels folded_table;
}
namespace avx512 {
extern const FoldedKernels folded_table;
}

const FoldedKernels& folded_kernels() {
  return for_this_machine(scalar::folded_table, avx2::folded_table, avx512::folded_table);
}

}  // namespace vitrine::cpu
