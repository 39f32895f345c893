// The frame that `vitrine watch` draws: what the files show, as lines of text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "train/watch/run_view.h"

namespace vitrine {

struct FrameOptions {
  std::size_t columns = 80;
  std::size_t rows = 0;  // at most so many lines; 0: as many as there are
  bool utf8 = true;      // blocks and Braille; else ASCII
  bool colour = false;   // states and headings by SGR sequences
};

// The lines without their ends, none wider than `columns`. From top to bottom: what is watched and how it stands; a row for each fold, of a study for
// each of its inputs; the fold at work (else the one that was worked at last) with its speed, its holder and its curves; the last warning.
// Results of the test part are not among them: they are read once, in the report.
std::vector<std::string> dashboard(const WatchView& view, const FrameOptions& options);

// Seconds that the work will take when it goes on as it does; below 0: not known.
double eta_seconds(const WatchView& view);

}  // namespace vitrine
