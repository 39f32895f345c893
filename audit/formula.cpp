#include "audit/formula.h"

#include <cmath>

#include "nn/efficientnet/checkpoint.h"
#include "tensor/image_layout.h"

namespace vitrine {

std::vector<double> formula_uniform(const std::string& name, std::int64_t count, std::uint64_t seed) {
  constexpr std::uint64_t kGold = 0x9E3779B97F4A7C15;
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  const std::uint64_t start = hash ^ (seed * kGold);
  std::vector<double> u(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < u.size(); ++i) {
    std::uint64_t z = start + (i + 1) * kGold;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z = z ^ (z >> 31);
    u[i] = static_cast<double>(z >> 40) * 0x1p-24;
  }
  return u;
}

Tensor formula_tensor(const std::string& name, const Shape& shape, std::uint64_t seed, double gain) {
  const std::vector<double> u = formula_uniform(name, shape.elements(), seed);
  std::int64_t fan_in = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) fan_in *= shape[axis];
  const auto value = [&](double v) {
    if (name.ends_with("running_var")) return 0.75 + 0.5 * v;
    if (name.ends_with("running_mean")) return 0.2 * (2 * v - 1);
    if (name == "input") return std::sqrt(3.0) * (2 * v - 1);
    if (shape.rank() == 1) return name.ends_with("weight") ? 0.75 + 0.5 * v : 0.2 * (2 * v - 1);
    return std::sqrt(3.0 * gain / static_cast<double>(fan_in)) * (2 * v - 1);
  };
  std::vector<float> values;
  values.reserve(u.size());
  for (const double v : u) values.push_back(static_cast<float>(value(v)));
  return Tensor::from(shape, values);
}

EfficientNet formula_network(Family family, const std::string& arch, std::int64_t classes, std::uint64_t seed, double gain,
                             std::int64_t static_size) {
  const Architecture a = architecture(arch);
  Semantics semantics = published_semantics(family, a);
  if (static_size > 0 && semantics.padding == PaddingRule::same_static) semantics.static_size = static_size;
  EfficientNet net(a, semantics, classes);
  const std::vector<ListedTensor> list = tensor_list(family, a, classes);
  std::size_t i = 0;
  net.visit([&](const NamedTensor& t) {
    *t.value = from_torch_layout(formula_tensor(list[i].key, list[i].shape, seed, gain), t.layout);
    ++i;
  });
  return net;
}

Tensor formula_images(std::int64_t n, std::int64_t size, std::uint64_t seed) {
  return channels_last(formula_tensor("input", {n, 3, size, size}, seed, 0));
}

}  // namespace vitrine
