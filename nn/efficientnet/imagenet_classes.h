// The 1,000 classes of ImageNet ILSVRC 2012 in the order of every published checkpoint (sorted WordNet synsets).
//
// The names are the lemmas and glosses of WordNet 3.0, one class a line in imagenet_classes.txt, built into the program.
#pragma once

#include <string>
#include <vector>

namespace vitrine {

const std::vector<std::string>& imagenet_classes();

}  // namespace vitrine
