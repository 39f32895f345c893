// Controls: trainings whose result is known beforehand, to be set beside the real one.
//
//   permuted-labels    the labels of the subjects are dealt anew within the test part and within each validation part: nothing can be learned,
//                      and the AUC is 0.5 but for chance and for what choosing an epoch flatters
//   background         the disc that touches the sides of a crop is filled with the mean of what lies outside it: what is still learned is no
//                      lesion's (its surroundings, the scanner, the site)
//   swapped-channels   trained as ever, predicted with the channels moved on by one: a network that reads them falls
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "data/dataset.h"
#include "data/split.h"

namespace vitrine {

enum class Control { none, permuted_labels, background, swapped_channels };

Control control_from_name(const std::string& name);  // UsageError naming the choices

// The label of each subject under permuted-labels, a function of the seed and the parts.
std::map<std::string, std::string> permuted_labels(const Splits& splits, std::uint64_t seed);

// Does the centre of pixel (y, x) lie in the disc that touches the sides of H x W pixels? `background` fills it.
bool in_disc(std::int64_t y, std::int64_t x, std::int64_t H, std::int64_t W);

// The images and labels as the control has them. `predicts`: they are only predicted, not trained on.
void apply(Control control, const Splits& splits, std::uint64_t seed, bool predicts, Dataset& data);

}  // namespace vitrine
