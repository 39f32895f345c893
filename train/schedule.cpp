#include "train/schedule.h"

#include <algorithm>
#include <numbers>

#include "base/error.h"
#include "base/nearest.h"
#include "tensor/math.h"

namespace vitrine {
namespace {

// Half a cosine from `start` to `end` as share goes from 0 to 1.
double annealed(double start, double end, double share) {
  return end + (start - end) / 2 * (cos_portable(std::numbers::pi * share) + 1);
}

void check_step(int step, int total) {
  if (step < 0 || step >= total) throw UsageError(text("schedule: step ", step, " of a schedule of ", total, " steps"));
}

// The value at a step of a two-phase schedule: from `outer` to `peak` in the first phase, on to `last` in the second.
double two_phases(const OneCycle& s, int step, double outer, double peak, double last) {
  check_step(step, s.total_steps);
  // PyTorch's phases end at these steps; the first may be fractional.
  const double first_end = s.warm_up * s.total_steps - 1, second_end = s.total_steps - 1;
  if (first_end <= 0) return step == 0 ? peak : annealed(peak, last, step / second_end);  // too short to warm up
  if (step <= first_end) return annealed(outer, peak, step / first_end);
  return annealed(peak, last, (step - first_end) / (second_end - first_end));
}

// Three values of a quantity: before, at the peak, at the end.
struct Course {
  double before, peak, end;
};

// fast.ai 2's combined_cos: the place within a phase is a share of the whole run, taken before the step.
double by_share(const Course& v, double up, int step, int total) {
  const double share = static_cast<double>(step) / total;
  return share < up ? annealed(v.before, v.peak, share / up) : annealed(v.peak, v.end, (share - up) / (1 - up));
}

// fast.ai 1's OneCycleScheduler: whole numbers of steps, and the first phase's end is the second's beginning.
double by_whole_steps(const Course& v, double up, int step, int total) {
  const int rounded = static_cast<int>(total * up);
  const int first = std::max(1, rounded), second = std::max(1, total - rounded);
  if (step <= first) return annealed(v.before, v.peak, static_cast<double>(step) / first);
  return annealed(v.peak, v.end, static_cast<double>(step - first) / second);
}

constexpr double kUpV2 = 0.25, kUpV1 = 0.3, kFlat = 0.75;
constexpr double kDivideStart = 25, kDivideEndV2 = 1e5, kDivideEndV1 = 25 * 1e4;
constexpr Course kMomentum{0.95, 0.85, 0.95};

}  // namespace

const std::vector<std::string>& schedule_names() {  // in the order of ScheduleKind
  static const std::vector<std::string> names{"one-cycle-v2", "one-cycle-v1", "one-cycle-torch",
                                              "flat",         "cosine",       "flat-cosine"};
  return names;
}

ScheduleKind schedule_from_name(const std::string& name) {
  return static_cast<ScheduleKind>(chosen_name("--schedule", name, schedule_names()));
}

std::string description(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::one_cycle_v2:
      return "lr / 25 -> lr -> lr / 1e5, up in 0.25 of the steps, momentum 0.95 -> 0.85 -> 0.95 (fast.ai 2)";
    case ScheduleKind::one_cycle_v1:
      return "lr / 25 -> lr -> lr / 2.5e5, up in 0.3 of the steps, momentum 0.95 -> 0.85 -> 0.95 (fast.ai 1)";
    case ScheduleKind::one_cycle_torch:
      return "lr / 25 -> lr -> lr / 1e5, up in 0.25 of the steps, momentum 0.95 -> 0.85 -> 0.95 (PyTorch)";
    case ScheduleKind::flat: return "lr throughout";
    case ScheduleKind::cosine: return "lr (1 + cos(pi step / steps)) / 2";
    case ScheduleKind::flat_cosine: return "lr for 0.75 of the steps, then cosine to lr / 1e5";
  }
  return "?";
}

double Schedule::lr(int step) const {
  check_step(step, total_steps);
  const Course v2{max_lr / kDivideStart, max_lr, max_lr / kDivideEndV2}, v1{v2.before, max_lr, max_lr / kDivideEndV1};
  switch (kind) {
    case ScheduleKind::one_cycle_v2: return by_share(v2, kUpV2, step, total_steps);
    case ScheduleKind::one_cycle_v1: return by_whole_steps(v1, kUpV1, step, total_steps);
    case ScheduleKind::one_cycle_torch: return OneCycle{.max_lr = max_lr, .total_steps = total_steps}.lr(step);
    case ScheduleKind::flat: return max_lr;
    case ScheduleKind::cosine: return annealed(max_lr, 0, static_cast<double>(step) / total_steps);
    case ScheduleKind::flat_cosine: return by_share({max_lr, max_lr, v2.end}, kFlat, step, total_steps);
  }
  return max_lr;
}

double Schedule::momentum(int step) const {
  check_step(step, total_steps);
  switch (kind) {
    case ScheduleKind::one_cycle_v2: return by_share(kMomentum, kUpV2, step, total_steps);
    case ScheduleKind::one_cycle_v1: return by_whole_steps(kMomentum, kUpV1, step, total_steps);
    case ScheduleKind::one_cycle_torch: return OneCycle{.total_steps = total_steps}.momentum(step);
    default: return -1;
  }
}

double OneCycle::lr(int step) const { return two_phases(*this, step, max_lr / divide_start, max_lr, max_lr / divide_end); }

double OneCycle::momentum(int step) const { return two_phases(*this, step, high_momentum, low_momentum, high_momentum); }

}  // namespace vitrine
