#include "layers/blocks/mbconv_folded.h"

#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::FoldedKernels folded_table;
}

namespace vitrine::kernels {

namespace scalar {
extern const FoldedKernels folded_table;
}
namespace avx2 {
extern const FoldedKernels folded_table;
}
namespace avx512 {
extern const FoldedKernels folded_table;
}

const FoldedKernels& folded_kernels(Device device) {
  return for_device(device, scalar::folded_table, avx2::folded_table, avx512::folded_table, vitrine::cuda::folded_table);
}

}  // namespace vitrine::kernels
