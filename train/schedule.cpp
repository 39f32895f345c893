#include "train/schedule.h"

#include <numbers>

#include "base/error.h"
#include "tensor/math.h"

namespace vitrine {
namespace {

// Half a cosine from `start` to `end` as share goes from 0 to 1.
double annealed(double start, double end, double share) {
  return end + (start - end) / 2 * (cos_portable(std::numbers::pi * share) + 1);
}

// The value at a step of a two-phase schedule: from `outer` to `peak` in the first phase, on to `last` in the second.
double two_phases(const OneCycle& s, int step, double outer, double peak, double last) {
  if (step < 0 || step >= s.total_steps)
    throw UsageError(text("one-cycle: step ", step, " of a schedule of ", s.total_steps, " steps"));
  // PyTorch's phases end at these steps; the first may be fractional.
  const double first_end = s.warm_up * s.total_steps - 1, second_end = s.total_steps - 1;
  if (first_end <= 0) return step == 0 ? peak : annealed(peak, last, step / second_end);  // too short to warm up
  if (step <= first_end) return annealed(outer, peak, step / first_end);
  return annealed(peak, last, (step - first_end) / (second_end - first_end));
}

}  // namespace

double OneCycle::lr(int step) const { return two_phases(*this, step, max_lr / divide_start, max_lr, max_lr / divide_end); }

double OneCycle::momentum(int step) const { return two_phases(*this, step, high_momentum, low_momentum, high_momentum); }

}  // namespace vitrine
