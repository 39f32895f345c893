// The options of whatever trains, and of a split.
#pragma once

#include "data/split.h"
#include "train/options.h"

namespace CLI {
class App;
}

namespace vitrine::cli {

void add_train_options(CLI::App* app, TrainOptions& options);
void add_split_options(CLI::App* app, SplitOptions& options);

}  // namespace vitrine::cli
