// An open checkpoint that any number of threads may use at once: what stands behind a handle of vitrine_c.h.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "data/photograph.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/inference.h"

namespace vitrine::c {

inline constexpr std::int64_t kMostInputPixels = std::int64_t{1} << 24;  // of an image that a network is shown

struct Opening {
  std::string architecture, family = "auto";
  SemanticsOverrides semantics;
  bool averaged = false;
};

// A batch in the memory of the caller.
struct Images {
  const float* values = nullptr;
  std::int64_t count = 0, channels = 0, rows = 0, columns = 0;
  bool channels_first = false;  // [count, channels, rows, columns]; else [count, rows, columns, channels]
};

class Network {
 public:
  // WeightsError, UsageError for what `opening` says. What was chosen on the way is noted (library/c/call.h).
  Network(const std::filesystem::path& path, const Opening& opening);
  ~Network();

  const EfficientNet& net() const { return net_; }
  const std::string& class_name(std::int64_t index) const { return class_names_[static_cast<std::size_t>(index)]; }

  // DataError when a value is not finite, NumericalError when a logit is not. `logits` has room for count * classes values.
  void run(const Images& images, std::span<float> logits) const;

  // How a photograph becomes what the network sees. UsageError when it takes none, or such large ones.
  PhotographRequest photograph_request() const;
  // Probabilities of the square of such a request, cut out of a picture of height x width pixels. DataError for colours where the network
  // takes one grey channel. What differs from what the network was trained on is noted.
  void predict(const Photograph& photograph, std::span<double> probabilities) const;

 private:
  class Lent;

  mutable EfficientNet net_;  // not written after the constructor: the functions that name the first op of a failure take it so
  Inference weights_;         // never run: its workspaces would be one thread's
  std::vector<std::string> class_names_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Inference>> idle_;
  mutable std::size_t made_ = 0;
};

}  // namespace vitrine::c
