// Test-time augmentation: what is predicted of an image is the mean over its views.
//
// Math       p = (1 / V) sum_v softmax(f(view_v(x))): the image itself first, then mirrored about its vertical axis (horizontal), its horizontal
//            axis (vertical), or both: left-right, up-down, both at once; added in this order in double, then divided by V
// Reference  Krizhevsky, Sutskever, Hinton 2012, section 4.1 (softmax averaged over patches and their reflections); fast.ai's `tta` is the same
//            mean over drawn views
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/device/epoch_training.h"

namespace vitrine {

struct TestViews {
  bool horizontal = false, vertical = false;
};

TestViews test_views_from_name(const std::string& name);  // none, horizontal, vertical or both: UsageError naming them

// image [H, W, C] with its columns, its rows, or both in the opposite order. ShapeError for another rank.
Tensor mirrored(const Tensor& image, bool columns, bool rows);

// Probabilities [N][classes] of images [H, W, C].
std::vector<std::vector<double>> mean_over_views(EpochTraining& training, const std::vector<Tensor>& images, TestViews views);

}  // namespace vitrine
