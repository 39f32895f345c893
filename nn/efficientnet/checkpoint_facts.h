// What a checkpoint is, asked once: whose keys it has, which network it holds, and with which semantics that is to be run.
//
// Own file   one that Vitrine wrote says all of it in its metadata
// Foreign    the keys tell the family, the shapes the architecture, and the semantics are those of the family's published weights. timm and
//            timm-tf have the same keys for different networks: the user says which
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/efficientnet/semantics.h"
#include "nn/efficientnet/tensor_list.h"
#include "nn/efficientnet/trained_on.h"
#include "weights/key_tables.h"
#include "weights/tensor_file.h"

namespace vitrine {

inline constexpr const char* kOwnFormat = "vitrine.1";  // metadata "format" of a file that Vitrine wrote

inline constexpr const char *kHeadKey = "vitrine.head",
                            *kConcatPool = "concat-pool";  // its metadata where it has fast.ai's head

// What is wrong with a file of a Vitrine to come, which this one cannot guess at; empty for any other file.
std::string later_format(const TensorFile& file);

// What the user says of a checkpoint; all of it may be left out. Which of two sets of weights is meant is said when the file is read
// (weights/checkpoint_file.h).
struct CheckpointRequest {
  std::string arch{};              // empty: the one that the tensors fit exactly
  std::string from = "auto";       // or a family's name
  SemanticsOverrides semantics{};  // what replaces what the file or its family says
  Head head = Head::as_in_file;    // keep_mine: of the file's classifier nothing is asked
};

struct CheckpointFacts {
  bool own = false;  // Vitrine wrote it
  Family family = Family::timm;
  Architecture architecture{};
  std::int64_t classes = 0;
  Semantics stated{};      // as the file or its family says
  Semantics semantics{};   // with the user's overrides: what the network is built with
  TrainedOn trained_on{};  // of an own file

  std::int64_t channels() const { return semantics.channels; }
};

// The file was found to hold the whole network, so that no memory is reserved for what it only announces. WeightsError saying what is missing,
// malformed or contradictory and what to pass; UsageError when the user says what cannot be. `file_name` starts the messages.
CheckpointFacts checkpoint_facts(const TensorFile& file, const CheckpointRequest& said, const std::string& file_name);

// As far as the keys and shapes of any file tell, without a question to the user or a refusal.
struct CheckpointIdentity {
  bool own = false;
  std::optional<Family> family{};  // timm for timm-tf too; none: no EfficientNet
  std::string architecture{};      // that the tensors fit exactly; empty: none
  std::int64_t classes = 0;        // rows of the classifier; 0: there is none
};
CheckpointIdentity identify(const TensorFile& file);

// What a network would hold, after the file was found to hold it. WeightsError naming the first tensors that are missing, misshapen or not
// expected, as many as fit in a line, and the architecture that the file fits best.
std::vector<ListedTensor> check_fit(const TensorFile& file, Family family, const Architecture& arch, std::int64_t classes,
                                    std::int64_t channels, Head head, const std::string& file_name);

}  // namespace vitrine
