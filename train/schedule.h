// Schedules of learning rate and momentum over the steps of a run.
//
//   one-cycle-v2     fast.ai 2: at share p of the steps, cosine from lr / 25 to lr while p < 1/4, then from lr to lr / 1e5
//   one-cycle-v1     fast.ai 1: int(0.3 T) steps up from lr / 25 to lr, the rest down to lr / 2.5e5; the last value is one step off the end
//   one-cycle-torch  PyTorch's phases, whose ends are steps, with fast.ai 2's numbers
//                    all three: momentum (Adam's beta1) 0.95 -> 0.85 -> 0.95 beside it
//   flat             lr
//   cosine           lr (1 + cos(pi step / T)) / 2
//   flat-cosine      lr for three quarters of the steps, then cosine to lr / 1e5, as fast.ai 2's fit_flat_cos
//                    the last three: the optimiser's own momentum
// Reference  Smith, Topin 2017, arXiv:1708.07120; fast.ai 1.0.61 callbacks/one_cycle.py, callback.py; fast.ai 2 callback/schedule.py;
//            torch.optim.lr_scheduler.OneCycleLR
#pragma once

#include <string>
#include <vector>

namespace vitrine {

// PyTorch's form; held to it by a test.
struct OneCycle {
  double max_lr = 1e-3;
  int total_steps = 1;
  double warm_up = 0.25;     // share of the steps
  double divide_start = 25;  // first lr = max_lr / divide_start
  double divide_end = 1e5;   // last lr = max_lr / divide_end
  double high_momentum = 0.95;
  double low_momentum = 0.85;

  double lr(int step) const;  // step 0..total_steps-1; UsageError outside
  double momentum(int step) const;
};

enum class ScheduleKind { one_cycle_v2, one_cycle_v1, one_cycle_torch, flat, cosine, flat_cosine };

ScheduleKind schedule_from_name(const std::string& name);  // UsageError naming the choices
const std::vector<std::string>& schedule_names();

struct Schedule {
  ScheduleKind kind = ScheduleKind::one_cycle_v2;
  double max_lr = 1e-3;
  int total_steps = 1;

  double lr(int step) const;        // step 0..total_steps-1; UsageError outside
  double momentum(int step) const;  // -1: the optimiser's own
};

// "lr / 25 -> lr -> lr / 1e5, up in 0.25 of the steps, ...": for the record of a run.
std::string description(ScheduleKind kind);

}  // namespace vitrine
