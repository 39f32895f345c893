#include "layers/blocks/mbconv_folded.h"

#include "layers/blocks/mbconv_folded_graphs.h"
#include "layers/cudnn/run.h"
#include "tensor/cuda/runtime.h"
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
  if (device.is_cuda() && vitrine::cuda::cudnn::uses_graphs()) return vitrine::cuda::on(device, vitrine::cuda::folded_graphs);
  return for_device(device, scalar::folded_table, avx2::folded_table, avx512::folded_table, vitrine::cuda::folded_table);
}

}  // namespace vitrine::kernels
