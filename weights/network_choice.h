// Which tensors of a checkpoint are the network: in which of its dicts, behind which prefix, and which of two sets of weights.
//
// Training scripts put a network under keys of their own ("state_dict", "model", "net"), behind prefixes of wrappers ("module.",
// "_orig_mod.", "model.") and beside a moving average of its weights. Nothing is decided by a list of such words but what an average is:
// a network is where the keys of a known family are (weights/key_tables.h).
//
// Average    its key or prefix says so (ema, swa, shadow, teacher, ...), or `n_averaged` counts beside it (torch.optim.swa_utils), and its
//            tensors have the shapes of the network's
// Optimiser  whatever lies under "optimizer", "exp_avg" and the like is no network
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_file.h"

namespace vitrine {

enum class WeightSet { plain, averaged };  // averaged: what --ema asks for

// A tensor as far as the choice goes. Equal numbers mean equal shapes, and the same bytes of the file.
struct TensorMention {
  std::string_view name;
  std::uint64_t shape = 0, place = 0;
};

struct TensorDict {
  std::string key;  // on the way to it, joined by '.': "model.state_dict"; empty for the top
  std::vector<TensorMention> tensors;
};

struct NetworkChoice {
  std::size_t dict = 0;
  std::string prefix = {};               // of the network's names
  std::vector<std::string> others = {};  // prefixes of other networks in this dict
  std::string unwrapped = {};            // for the metadata of that name
  std::vector<std::string> remarks = {};

  bool holds(std::string_view name) const;       // whether a name of the dict is one of the network
  bool of_another(std::string_view name) const;  // or of another network
};

// Where no dict holds the keys of a known family: the dict with most tensors, and the prefix "module." or "_orig_mod." if all its names
// have it. `dicts` are in the order of the file and not empty. WeightsError when two networks are there and nothing tells which is meant, or
// the averaged set is asked for and there is none.
NetworkChoice choose_network(const std::vector<TensorDict>& dicts, WeightSet wanted, std::string_view file_name);

// Notes in metadata and remarks what was dropped and left out; `left_out` are tensors beside the network, `entries` other values.
void note_choice(const NetworkChoice& choice, const std::vector<std::string>& left_out, const std::vector<std::string>& entries,
                 TensorFile& file);

// The same for a file whose tensors lie in one list. A file of Vitrine's own stays as it is.
TensorFile take_network(TensorFile file, WeightSet wanted, std::string_view file_name);

}  // namespace vitrine
