#include "search/halving.h"

#include <algorithm>
#include <cstdint>

#include "base/error.h"

namespace vitrine {

std::vector<Rung> plan_rungs(int trials, int eta, int min_epochs, int max_epochs) {
  if (trials < 1 || eta < 2 || min_epochs < 1 || min_epochs > max_epochs)
    throw InternalError(text("rungs of ", trials, " trials, eta ", eta, ", ", min_epochs, " to ", max_epochs, " epochs"));
  std::vector<Rung> rungs;
  std::int64_t epochs = trials == 1 ? max_epochs : min_epochs;
  while (true) {
    rungs.push_back({static_cast<int>(epochs), trials});
    if (epochs == max_epochs) return rungs;
    trials = std::max(1, trials / eta);
    epochs = trials == 1 ? max_epochs : std::min<std::int64_t>(max_epochs, epochs * eta);
  }
}

std::vector<std::size_t> best_of(std::span<const std::optional<double>> scores, bool lower_is_better, std::size_t keep) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i]) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lower_is_better ? *scores[a] < *scores[b] : *scores[a] > *scores[b];
  });
  order.resize(std::min(order.size(), keep));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace vitrine
