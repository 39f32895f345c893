// One figure of a scored part: a number, or the reason why there is none.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace vitrine {

struct Figure {
  std::optional<double> value;
  std::string why;  // there is no value; empty when there is one

  static Figure of(double v) { return {v, {}}; }
  static Figure none(std::string reason) { return {std::nullopt, std::move(reason)}; }
};

}  // namespace vitrine
