// State that a replay begins from: network and optimiser after an epoch, sealed.
#pragma once

#include <filesystem>
#include <optional>

#include "nn/efficientnet/efficientnet.h"
#include "nn/modules/optimizer.h"

namespace vitrine::audit {

struct StatePlace {
  std::uint32_t epoch = 0;  // that was finished, from 1; 0: before the first
  std::int64_t steps = 0;   // made until then
};

void write_state(const std::filesystem::path& folder, const StatePlace& place, EfficientNet& net, const Optimizer& optimizer);

// The latest state in `folder` after at most `steps` steps; nothing where there is none. A state that cannot be read is a WeightsError or a
// DataError: it is never passed over for an older one.
std::optional<StatePlace> read_state_before(const std::filesystem::path& folder, std::int64_t steps, EfficientNet& net,
                                            Optimizer& optimizer);

}  // namespace vitrine::audit
