// One-cycle schedule of learning rate and momentum, cosine annealed in both phases.
//
// Reference  Smith, Topin 2017, arXiv:1708.07120; numbers are fast.ai 2's: warm-up over the first quarter from max_lr / 25,
// down to
//            max_lr / 1e5; momentum 0.95 -> 0.85 -> 0.95. Held to torch.optim.lr_scheduler.OneCycleLR by a test.
#pragma once

namespace vitrine {

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

}  // namespace vitrine
