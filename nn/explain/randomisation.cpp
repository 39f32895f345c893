#include "nn/explain/randomisation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/interrupt.h"

namespace vitrine {
namespace {

// From 1; equal values get the mean of the ranks that they take up.
std::vector<double> ranks(std::span<const float> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t k) { return values[i] < values[k]; });
  std::vector<double> rank(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i) rank[order[i]] = static_cast<double>(first + last + 1) / 2;
    first = last;
  }
  return rank;
}

EfficientNet drawn_like(const EfficientNet& net, std::uint64_t seed) {
  EfficientNet drawn(net.arch, net.semantics, net.classes);
  drawn.initialize(seed);
  drawn.to(net.device());
  return drawn;
}

// `net` with the last `parts` parts of `drawn`; tensors are shared.
EfficientNet joined(EfficientNet& net, const EfficientNet& drawn, int parts) {
  const int kept = static_cast<int>(network_parts().size()) - parts;
  std::map<std::string, Tensor> trained;
  net.visit([&](const NamedTensor& t) { trained.emplace(t.name, *t.value); });
  EfficientNet both = drawn;
  both.visit([&](const NamedTensor& t) {
    const auto part = std::ranges::find(network_parts(), part_of_tensor(t.name)) - network_parts().begin();
    if (part < kept) *t.value = trained.at(t.name);
  });
  return both;
}

}  // namespace

std::optional<double> rank_correlation(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) throw InternalError(text("rank correlation of ", a.size(), " and ", b.size(), " values"));
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = static_cast<double>(a.size() + 1) / 2;
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
    xy += (x[i] - mean) * (y[i] - mean);
  }
  if (xx <= 0 || yy <= 0) return std::nullopt;
  return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

EfficientNet redrawn(EfficientNet& net, int parts, std::uint64_t seed) { return joined(net, drawn_like(net, seed), parts); }

std::vector<Cascade> randomisation_check(EfficientNet& net, const std::vector<ExplainedImage>& images,
                                         const RandomisationOptions& o) {
  struct Mean {
    double sum = 0;
    int count = 0;
  };
  std::vector<Saliency> trained;
  for (const ExplainedImage& i : images) trained.push_back(saliency(net, i.image, i.of_class, o.method, o.layer));
  const std::size_t parts = network_parts().size();
  std::vector<std::vector<Mean>> means(images.size(), std::vector<Mean>(parts));
  for (int draw = 0; draw < o.draws; ++draw) {
    const EfficientNet drawn = drawn_like(net, o.seed + static_cast<std::uint64_t>(draw));
    for (std::size_t k = 0; k < parts; ++k) {
      EfficientNet other = joined(net, drawn, static_cast<int>(k) + 1);
      for (std::size_t i = 0; i < images.size(); ++i) {
        check_interrupt("the weight-randomisation check");
        const Saliency map = saliency(other, images[i].image, images[i].of_class, o.method, trained[i].layer);
        const std::optional<double> correlation = rank_correlation(trained[i].map, map.map);
        if (!correlation) continue;
        means[i][k].sum += *correlation;
        ++means[i][k].count;
      }
    }
  }
  std::vector<Cascade> cascades(images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    for (const Mean& m : means[i]) cascades[i].push_back(m.count > 0 ? std::optional(m.sum / m.count) : std::nullopt);
  }
  return cascades;
}

int parts_above(const EfficientNet& net, const std::string& layer) {
  for (int unit = 0; unit < net.units(); ++unit) {
    if (net.unit_name(unit) == layer) return static_cast<int>(network_parts().size()) - 1 - net.part_of_unit(unit);
  }
  throw InternalError(text("the network has no layer '", printable(layer), "'"));
}

bool does_not_depend_on_weights(const Cascade& cascade) {
  return !cascade.empty() && cascade.back() && *cascade.back() > kUnchanged;
}

}  // namespace vitrine
