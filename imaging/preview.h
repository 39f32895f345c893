// Pictures of a crop for people.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "report/qc.h"

namespace vitrine::imaging {

// The channels side by side, each pixel three times as large, with R and L at the sides of the patient: PNG bytes. `slices` hold
// size * size values in [0, 1] each.
std::string preview_png(const std::vector<std::vector<float>>& slices, int size);

// One small picture for each channel, without letters: the page of quality control writes its own.
std::vector<report::QcPanel> qc_panels(const CropChannels& crop);

}  // namespace vitrine::imaging
