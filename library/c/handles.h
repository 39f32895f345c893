// Handles of open networks. A handle is a number that no other network of the process ever has, so one that was closed is recognised.
#pragma once

#include <memory>

#include "library/c/network.h"
#include "library/c/vitrine_c.h"

namespace vitrine::c {

vitrine_network* handle_of(std::shared_ptr<Network> network);
// UsageError for what is none, or closed. The network lives at least as long as what is given.
std::shared_ptr<Network> network_of(const vitrine_network* handle);
std::shared_ptr<Network> close(const vitrine_network* handle);

}  // namespace vitrine::c
