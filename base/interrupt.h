// Ctrl-C: the first one asks long work to stop at the next safe point, the second one ends the process at once.
#pragma once

#include <string_view>

namespace vitrine {

void install_interrupt_handler();  // SIGINT and SIGTERM; called by main once
bool interrupt_requested();
// Throws Interrupted("<what> stopped by the user; ...") when a stop was asked for. Long loops call it between units of work.
void check_interrupt(std::string_view what);

}  // namespace vitrine
