// Holds every element that a tape's ops compute to its shadow (layers/shadow.h), while the tape records and walks back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "layers/seen_tape.h"

namespace vitrine::testing {

class ShadowWatch final : public TapeObserver {
 public:
  explicit ShadowWatch(std::string where = {}) : where_(std::move(where)) {}

  void recorded(const TapeEntry& entry, const Tensor& output) override {
    tape_.recorded(entry, output);
    if (entry.node == nullptr) return;
    names.emplace(entry.name());
    look(tape_.seen(entry).name, forward_shadows(tape_.seen(entry)));
  }
  void after_backward(const TapeEntry& op, const Tensor& dy, std::span<const Tensor> gradients) override {
    const SeenOp seen = tape_.seen(op);
    std::vector<Tensor> here;
    for (const Tensor& g : gradients) here.push_back(g.defined() ? g.to(Device::cpu()) : g);
    look(seen.name + " backward", backward_shadows(seen, dy.to(Device::cpu()), here));
  }

  static constexpr std::int64_t kAll = std::int64_t{1} << 60;
  std::int64_t most = kAll;  // elements of a tensor that are looked at, evenly spaced
  // Called with every shadow, beside the check.
  std::function<void(const std::string& op, const Shadow& shadow)> also;
  std::set<std::string> names;
  std::map<std::string, std::vector<double>> rhos;  // by "op tensor"

  double median(const std::string& which) const {
    std::vector<double> all = rhos.at(which);
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2));
    return all[all.size() / 2];
  }
  void print() const {
    std::printf("%-44s %9s %8s %8s\n", "op and tensor", "elements", "median", "worst");
    std::vector<double> every;
    for (const auto& [which, all] : rhos) {
      std::printf("%-44s %9zu %8.4f %8.4f\n", which.c_str(), all.size(), median(which), *std::ranges::max_element(all));
      every.insert(every.end(), all.begin(), all.end());
    }
    if (every.empty()) return;
    std::ranges::nth_element(every, every.begin() + static_cast<std::ptrdiff_t>(every.size() / 2));
    std::printf("%-44s %9zu %8.4f\n", "all", every.size(), every[every.size() / 2]);
  }

 private:
  void look(const std::string& op, const std::vector<Shadow>& shadows) {
    for (const Shadow& shadow : shadows) {
      const std::string which = op + " " + shadow.of;
      std::vector<double>& all = rhos[which];
      int wrong = 0;
      const std::int64_t step = 1 + shadow.elements / most;
      for (std::int64_t i = 0; i < shadow.elements && wrong < 3; i += step) {
        const double rho = rho_of(shadow, i);
        all.push_back(rho);
        if (rho <= 1) continue;
        ++wrong;
        const Bounded expected = shadow.at(i);
        const double computed =
            shadow.seen ? shadow.seen(i) : static_cast<double>(shadow.computed.host()[static_cast<std::size_t>(i)]);
        ADD_FAILURE() << where_ << ": " << which << "[" << i << "] is " << computed << ", the shadow " << expected.value
                      << " with bound " << expected.bound << ", rho " << rho;
      }
      if (also) also(op, shadow);
    }
  }

  std::string where_;
  SeenTape tape_;
};

}  // namespace vitrine::testing
