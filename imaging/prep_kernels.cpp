#include "imaging/prep_kernels.h"

#include "tensor/isa.h"

namespace vitrine::kernels {
namespace scalar {
extern const imaging::kernels::PrepKernels prep_table;
}
namespace avx2 {
extern const imaging::kernels::PrepKernels prep_table;
}
namespace avx512 {
extern const imaging::kernels::PrepKernels prep_table;
}
}  // namespace vitrine::kernels

namespace vitrine::imaging::kernels {

const PrepKernels& prep_kernels() {
  return for_this_machine(vitrine::kernels::scalar::prep_table, vitrine::kernels::avx2::prep_table,
                          vitrine::kernels::avx512::prep_table);
}

}  // namespace vitrine::imaging::kernels
