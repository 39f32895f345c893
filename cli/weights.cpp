// The options of `vitrine weights` and `vitrine export`; what they do stands in cli/weights_commands.cpp.
#include <memory>

#include "cli/checkpoint_options.h"
#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {
namespace {

void add_info(Command weights, Chosen& chosen) {
  const auto c = std::make_shared<WeightsInfoCommand>();
  const auto info = weights.add_subcommand("info", "container, family, metadata and every tensor with its statistics");
  info.add_option("file", c->file, "safetensors or .pth").required();
  info.add_flag("--json", c->json, "as JSON");
  add_ema(info, c->ema);
  info.footer("Example: vitrine weights info efficientnet_b0.pth");
  info.callback([=, &chosen] { chosen = [=] { run_weights_info(*c); }; });
}

void add_convert(Command weights, Chosen& chosen) {
  const auto c = std::make_shared<WeightsConvertCommand>();
  const auto convert = weights.add_subcommand("convert", "write a checkpoint as safetensors under another family's keys");
  convert.add_option("file", c->checkpoint.file, "safetensors or .pth").required();
  convert.add_option("-o,--output", c->output, "safetensors file to write").required();
  convert.add_option("--to", c->to, "vitrine (timm's keys and all semantics), torchvision, timm, timm-tf, efficientnet-pytorch")
      .capture_default_str();
  convert.add_option("--channels", c->channels, "input channels of the result, with --first-conv sum or extend");
  convert.add_option("--first-conv", c->first_conv, "how the first convolution takes them: replicate (RGB kept), sum, extend")
      .capture_default_str();
  add_checkpoint_options(convert, c->checkpoint.arch, c->checkpoint.from, c->checkpoint.semantics);
  add_ema(convert, c->checkpoint.ema);
  convert.footer("Example: vitrine weights convert efficientnet_b0.pth -o b0.safetensors");
  convert.callback([=, &chosen] { chosen = [=] { run_weights_convert(*c); }; });
}

void add_diff(Command weights, Chosen& chosen) {
  const auto c = std::make_shared<WeightsDiffCommand>();
  const auto diff = weights.add_subcommand("diff", "compare two checkpoints tensor by tensor, across families");
  diff.add_option("first", c->a, "safetensors or .pth").required();
  diff.add_option("second", c->b, "safetensors or .pth").required();
  diff.add_option("--tolerance", c->tolerance, "largest difference that counts as none").capture_default_str();
  add_ema(diff, c->ema, "both checkpoints");
  diff.footer("Exit code 0: no difference; 1: they differ.\nExample: vitrine weights diff torchvision.pth timm.safetensors");
  diff.callback([=, &chosen] { chosen = [=] { run_weights_diff(*c); }; });
}

void add_verify(Command weights, Chosen& chosen) {
  const auto c = std::make_shared<WeightsVerifyCommand>();
  const auto verify = weights.add_subcommand("verify", "check container, SHA-256, checksums, architecture and values");
  verify.add_option("file", c->file, "safetensors or .pth").required();
  verify.add_option("--sha256", c->sha256,
                    "expected digest or its first 8 digits or more; default: the one in the file's name");
  verify.add_option("--arch", c->arch, "architecture that it must be");
  add_ema(verify, c->ema);
  verify.footer("Example: vitrine weights verify efficientnet_b0_rwightman-7f5810bc.pth");
  verify.callback([=, &chosen] { chosen = [=] { run_weights_verify(*c); }; });
}

}  // namespace

void add_weights(Command app, Chosen& chosen) {
  const auto weights = app.add_subcommand("weights", "look into checkpoints, convert, compare and check them");
  weights.require_subcommand();
  add_info(weights, chosen);
  add_convert(weights, chosen);
  add_diff(weights, chosen);
  add_verify(weights, chosen);
}

void add_export(Command app, Chosen& chosen) {
  const auto c = std::make_shared<ExportCommand>();
  const auto sub = app.add_subcommand("export", "write a network for other programs");
  sub.add_option("--weights", c->checkpoint.file, "safetensors or .pth").required();
  sub.add_option("--format", c->format, "safetensors (timm's keys) or onnx (opset 17, inference)").capture_default_str();
  sub.add_option("-o,--output", c->output, "file to write").required();
  sub.add_flag("--unfolded", c->unfolded, "onnx: keep batch norm as nodes of its own");
  sub.add_flag("--any-size", c->any_size, "onnx: leave rows and columns free for a network trained on crops of one size, too");
  add_checkpoint_options(sub, c->checkpoint.arch, c->checkpoint.from, c->checkpoint.semantics);
  add_ema(sub, c->checkpoint.ema);
  sub.footer("Example: vitrine export --weights b0.safetensors --format onnx -o b0.onnx");
  sub.callback([=, &chosen] { chosen = [=] { run_export(*c); }; });
}

}  // namespace vitrine::cli
