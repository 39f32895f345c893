#include "tensor/math.h"

#include "tensor/math_host_device.h"

namespace vitrine {

double exp_portable(double x) { return host_device::exp_portable(x); }
double log_portable(double x) { return host_device::log_portable(x); }
double sin_portable(double x) { return host_device::sin_portable(x); }
double cos_portable(double x) { return host_device::cos_portable(x); }

}  // namespace vitrine
