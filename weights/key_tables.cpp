#include "weights/key_tables.h"

#include <array>
#include <unordered_set>
#include <utility>

namespace vitrine {
namespace {

// The modules of one network under one family's names, block by block.
struct BlockModules {
  std::string expand, expand_norm;  // empty without an expansion convolution
  std::string depthwise, depthwise_norm;
  std::string se_reduce, se_expand;  // empty without squeeze-excitation
  std::string project, project_norm;
};

struct NetworkModules {
  std::string stem, stem_norm, head, head_norm, classifier;
  std::vector<BlockModules> blocks;
};

// timm 0.4 and later, both efficientnet_* and tf_efficientnet_*. Without an expansion `conv_pw` is the projection: timm builds
// such a block from another class, whose point-wise convolution comes last.
BlockModules timm_block(const BlockNames& block) {
  const std::string p = "blocks." + std::to_string(block.stage) + "." + std::to_string(block.repeat) + ".";
  BlockModules m;
  if (block.expands) {
    m = {p + "conv_pw", p + "bn1", p + "conv_dw", p + "bn2", "", "", p + "conv_pwl", p + "bn3"};
  } else {
    m = {"", "", p + "conv_dw", p + "bn1", "", "", p + "conv_pw", p + "bn2"};
  }
  if (block.has_se) {
    m.se_reduce = p + "se.conv_reduce";
    m.se_expand = p + "se.conv_expand";
  }
  return m;
}

// torchvision numbers the layers that a block has: without an expansion all later ones move up by one. It publishes no network
// without squeeze-excitation; there the projection would move up as well.
BlockModules torchvision_block(const BlockNames& block) {
  const std::string p = "features." + std::to_string(block.stage + 1) + "." + std::to_string(block.repeat) + ".block.";
  int layer = 0;
  const auto next = [&] { return p + std::to_string(layer++); };
  BlockModules m;
  if (block.expands) {
    const std::string q = next();
    m.expand = q + ".0";
    m.expand_norm = q + ".1";
  }
  const std::string depthwise = next();
  m.depthwise = depthwise + ".0";
  m.depthwise_norm = depthwise + ".1";
  if (block.has_se) {
    const std::string q = next();
    m.se_reduce = q + ".fc1";
    m.se_expand = q + ".fc2";
  }
  const std::string project = next();
  m.project = project + ".0";
  m.project_norm = project + ".1";
  return m;
}

// efficientnet_pytorch counts blocks through all stages, and its names do not depend on what a block has.
BlockModules efficientnet_pytorch_block(const BlockNames& block, std::size_t index) {
  const std::string p = "_blocks." + std::to_string(index) + ".";
  BlockModules m;
  if (block.expands) {
    m.expand = p + "_expand_conv";
    m.expand_norm = p + "_bn0";
  }
  m.depthwise = p + "_depthwise_conv";
  m.depthwise_norm = p + "_bn1";
  if (block.has_se) {
    m.se_reduce = p + "_se_reduce";
    m.se_expand = p + "_se_expand";
  }
  m.project = p + "_project_conv";
  m.project_norm = p + "_bn2";
  return m;
}

// TensorFlow numbers the layers of one kind within a block: without an expansion all later ones move up by one.
BlockModules tensorflow_block(const BlockNames& block, std::size_t index) {
  const std::string p = "blocks_" + std::to_string(index) + "/";
  const std::string norm = p + "tpu_batch_normalization";
  BlockModules m;
  if (block.expands) {
    m = {p + "conv2d", norm, p + "depthwise_conv2d", norm + "_1", "", "", p + "conv2d_1", norm + "_2"};
  } else {
    m = {"", "", p + "depthwise_conv2d", norm, "", "", p + "conv2d", norm + "_1"};
  }
  if (block.has_se) {
    m.se_reduce = p + "se/conv2d";
    m.se_expand = p + "se/conv2d_1";
  }
  return m;
}

// PyTorch's name of a tensor in a module as TensorFlow's.
std::string tensorflow_key(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  const std::string module = key.substr(0, dot), tensor = key.substr(dot + 1);
  if (module.find("batch_normalization") != std::string::npos) {
    if (tensor == "weight") return module + "/gamma";
    if (tensor == "bias") return module + "/beta";
    return module + (tensor == "running_mean" ? "/moving_mean" : "/moving_variance");
  }
  if (tensor == "bias") return module + "/bias";
  return module + (module.ends_with("depthwise_conv2d") ? "/depthwise_kernel" : "/kernel");
}

NetworkModules modules(Family family, const std::vector<BlockNames>& blocks) {
  NetworkModules network;
  switch (family) {
    case Family::torchvision:
      network = {"features.0.0", "features.0.1", "features.8.0", "features.8.1", "classifier.1", {}};
      break;
    case Family::timm:
    case Family::timm_tf: network = {"conv_stem", "bn1", "conv_head", "bn2", "classifier", {}}; break;
    case Family::efficientnet_pytorch: network = {"_conv_stem", "_bn0", "_conv_head", "_bn1", "_fc", {}}; break;
    case Family::tensorflow:
      network = {
          "stem/conv2d", "stem/tpu_batch_normalization", "head/conv2d", "head/tpu_batch_normalization", "head/dense", {}};
      break;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    switch (family) {
      case Family::torchvision: network.blocks.push_back(torchvision_block(blocks[i])); break;
      case Family::timm:
      case Family::timm_tf: network.blocks.push_back(timm_block(blocks[i])); break;
      case Family::efficientnet_pytorch: network.blocks.push_back(efficientnet_pytorch_block(blocks[i], i)); break;
      case Family::tensorflow: network.blocks.push_back(tensorflow_block(blocks[i], i)); break;
    }
  }
  return network;
}

// The keys of all tensors in network order; every family gives the same number in the same order.
std::vector<std::string> keys_of(const NetworkModules& network) {
  std::vector<std::string> keys;
  const auto add = [&](const std::string& module, std::initializer_list<const char*> tensors) {
    if (module.empty()) return;
    for (const char* tensor : tensors) keys.push_back(module + "." + tensor);
  };
  const auto convolution = [&](const std::string& module) { add(module, {"weight"}); };
  const auto biased = [&](const std::string& module) { add(module, {"weight", "bias"}); };
  const auto norm = [&](const std::string& module) { add(module, {"weight", "bias", "running_mean", "running_var"}); };
  convolution(network.stem);
  norm(network.stem_norm);
  for (const BlockModules& block : network.blocks) {
    convolution(block.expand);
    norm(block.expand_norm);
    convolution(block.depthwise);
    norm(block.depthwise_norm);
    biased(block.se_reduce);
    biased(block.se_expand);
    convolution(block.project);
    norm(block.project_norm);
  }
  convolution(network.head);
  norm(network.head_norm);
  biased(network.classifier);
  return keys;
}

struct FamilyRow {
  Family family;
  std::string_view name;
  // Two keys that every network of the family has and no other published network: stem and depthwise convolution of the first
  // block.
  std::string_view stem, first_depthwise;
};

constexpr std::array<FamilyRow, 5> kFamilies{
    {{Family::torchvision, "torchvision", "features.0.0.weight", "features.1.0.block.0.0.weight"},
     {Family::timm, "timm", "conv_stem.weight", "blocks.0.0.conv_dw.weight"},
     {Family::timm_tf, "timm-tf", "conv_stem.weight", "blocks.0.0.conv_dw.weight"},
     {Family::efficientnet_pytorch, "efficientnet-pytorch", "_conv_stem.weight", "_blocks.0._depthwise_conv.weight"},
     {Family::tensorflow, "tensorflow", "stem/conv2d/kernel", "blocks_0/depthwise_conv2d/depthwise_kernel"}}};

}  // namespace

std::string_view family_name(Family family) {
  for (const FamilyRow& row : kFamilies) {
    if (row.family == family) return row.name;
  }
  return "unknown";
}

std::optional<Family> family_from_name(std::string_view name) {
  for (const FamilyRow& row : kFamilies) {
    if (row.name == name) return row.family;
  }
  return std::nullopt;
}

std::vector<KeyPair> key_table(Family family, const std::vector<BlockNames>& blocks) {
  std::vector<std::string> vitrine = keys_of(modules(Family::timm, blocks));
  std::vector<std::string> file = keys_of(modules(family, blocks));
  if (family == Family::tensorflow) {
    for (std::string& key : file) key = tensorflow_key(key);
  }
  std::vector<KeyPair> table;
  table.reserve(vitrine.size());
  for (std::size_t i = 0; i < vitrine.size(); ++i) table.push_back({std::move(vitrine[i]), std::move(file[i])});
  return table;
}

std::vector<std::string> network_prefixes(std::span<const std::string_view> names) {
  const std::unordered_set<std::string_view> all(names.begin(), names.end());
  std::unordered_set<std::string_view> seen;
  std::vector<std::string> prefixes;
  for (const std::string_view name : names) {
    for (const FamilyRow& row : kFamilies) {
      if (!name.ends_with(row.stem)) continue;
      const std::string_view prefix = name.substr(0, name.size() - row.stem.size());
      if (!prefix.empty() && prefix.back() != '.' && prefix.back() != '/') continue;
      if (all.contains(std::string(prefix).append(row.first_depthwise)) && seen.insert(prefix).second)
        prefixes.emplace_back(prefix);
    }
  }
  return prefixes;
}

std::optional<Family> family_of(const TensorFile& file) {
  for (const FamilyRow& row : kFamilies) {
    if (file.find(row.stem) != nullptr && file.find(row.first_depthwise) != nullptr) return row.family;
  }
  return std::nullopt;
}

}  // namespace vitrine
