// The figures of the page of a search, each one <svg> that is as wide as a phone or a column and scales with it.
#pragma once

#include <string>
#include <vector>

#include "report/search_page.h"

namespace vitrine::report {

// Runs with a score, the best first; with rungs each trial on its last one, of equals the lower number.
std::vector<std::size_t> ranked_runs(const SearchPage& page);

// Parallel coordinates (Inselberg 1985), the axes one below the other so that a phone shows any number of them; a line is a trial, its colour
// its score, the best trial bold. Logarithmic where the axis is.
std::string parallel_figure(const SearchPage& page);
// Best score so far over the images visited so far; a dot for each run.
std::string best_so_far_figure(const SearchPage& page);
// The score over the values of one option; a dot for each run, a line for the mean of each value of a list.
std::string option_figure(const SearchPage& page, std::size_t axis);

// Runs that went so far astray that the figures show them at the end of their scale.
std::size_t scores_beyond(const SearchPage& page);

std::string score_text(double score);   // three decimals
std::string count_text(double number);  // 950, 12.3 k, 4.56 M

}  // namespace vitrine::report
