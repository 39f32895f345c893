#include "cli/checkpoint_options.h"

namespace vitrine::cli {
namespace {

void add_ema(CLI::App* app, bool& ema, const char* of = "the checkpoint") {
  app->add_flag("--ema", ema,
                std::string("take the averaged weights of ") + of + " (EMA, SWA, a teacher) instead of the plain ones");
}

void add_checkpoint_options(CLI::App* app, std::string& arch, std::string& from, SemanticsOverrides& o) {
  app->add_option("--arch", arch, "b0 to b7, lite0 to lite4; needed only where the tensors fit none exactly");
  app->add_option("--from", from, "auto, torchvision, timm, timm-tf, efficientnet-pytorch, tensorflow")->capture_default_str();
  app->add_option("--padding", o.padding, "symmetric, same or same-static:<input size>; default: what the file or family says");
  app->add_option("--norm", o.norm, "input normalisation: imagenet or half; default: what the file or family says");
  app->add_option("--interpolation", o.interpolation, "of photographs: bilinear or bicubic; default: the file's or family's");
  app->add_option("--resize", o.resize, "shorter side of photographs before the crop, pixels; default: the file's or family's");
  app->add_option("--input-size", o.input_size, "centre crop of photographs, pixels; default: the file's or family's");
}

void add_predict(CLI::App& app, PredictCommand& c, std::function<void()>& chosen) {
  auto* sub = app.add_subcommand("predict", "classify photographs, or a tensor, with a checkpoint");
  sub->add_option("--weights", c.weights, "safetensors or .pth")->required();
  add_checkpoint_options(sub, c.arch, c.from, c.semantics);
  add_ema(sub, c.ema);
  auto* images = sub->add_option("--images", c.images, "PNG or JPEG files");
  sub->add_option("--tensor", c.tensor, "safetensors file with `input`, [N, 3, H, W], already normalised")->excludes(images);
  sub->add_option("--top", c.top, "classes to show per image")->capture_default_str();
  add_device_options(sub, c.device);
  const CLI::Validator some(
      [](std::string& v) { return v.empty() ? std::string("is empty; name a file, or leave it out") : std::string(); }, "");
  sub->add_option("--classes", c.classes, "text file with one class name a line")->check(some);
  sub->add_flag(
      "!--no-sandbox", c.sandbox,
      "decode photographs in this process: a fault of the decoder, met by a crafted file, would then have its rights");
  sub->add_option("-o,--output", c.output, "CSV (images) or safetensors with `logits` (tensor); - is standard output")
      ->check(some);
  sub->footer("Example: vitrine predict --weights efficientnet_lite0.pth --arch lite0 --images cat.png --top 5");
  sub->callback([&] { chosen = [&] { run_predict(c); }; });
}

void add_weights(CLI::App& app, CheckpointCommands& c, std::function<void()>& chosen) {
  auto* weights = app.add_subcommand("weights", "look into checkpoints, convert, compare and check them");
  weights->require_subcommand(1);
  auto* info = weights->add_subcommand("info", "container, family, metadata and every tensor with its statistics");
  info->add_option("file", c.info.file, "safetensors or .pth")->required();
  info->add_flag("--json", c.info.json, "as JSON");
  add_ema(info, c.info.ema);
  info->footer("Example: vitrine weights info efficientnet_b0.pth");
  info->callback([&] { chosen = [&] { run_weights_info(c.info); }; });

  auto* convert = weights->add_subcommand("convert", "write a checkpoint as safetensors under another family's keys");
  convert->add_option("file", c.convert.checkpoint.file, "safetensors or .pth")->required();
  convert->add_option("-o,--output", c.convert.output, "safetensors file to write")->required();
  convert
      ->add_option("--to", c.convert.to,
                   "vitrine (timm's keys and all semantics), torchvision, timm, timm-tf, efficientnet-pytorch")
      ->capture_default_str();
  convert->add_option("--channels", c.convert.channels, "input channels of the result, with --first-conv sum or extend");
  convert
      ->add_option("--first-conv", c.convert.first_conv,
                   "how the first convolution takes them: replicate (RGB kept), sum, extend")
      ->capture_default_str();
  add_checkpoint_options(convert, c.convert.checkpoint.arch, c.convert.checkpoint.from, c.convert.checkpoint.semantics);
  add_ema(convert, c.convert.checkpoint.ema);
  convert->footer("Example: vitrine weights convert efficientnet_b0.pth -o b0.safetensors");
  convert->callback([&] { chosen = [&] { run_weights_convert(c.convert); }; });

  auto* diff = weights->add_subcommand("diff", "compare two checkpoints tensor by tensor, across families");
  diff->add_option("first", c.diff.a, "safetensors or .pth")->required();
  diff->add_option("second", c.diff.b, "safetensors or .pth")->required();
  diff->add_option("--tolerance", c.diff.tolerance, "largest difference that counts as none")->capture_default_str();
  add_ema(diff, c.diff.ema, "both checkpoints");
  diff->footer("Exit code 0: no difference; 1: they differ.\nExample: vitrine weights diff torchvision.pth timm.safetensors");
  diff->callback([&] { chosen = [&] { run_weights_diff(c.diff); }; });

  auto* verify = weights->add_subcommand("verify", "check container, SHA-256, checksums, architecture and values");
  verify->add_option("file", c.verify.file, "safetensors or .pth")->required();
  verify->add_option("--sha256", c.verify.sha256,
                     "expected digest or its first 8 digits or more; default: the one in the file's name");
  verify->add_option("--arch", c.verify.arch, "architecture that it must be");
  add_ema(verify, c.verify.ema);
  verify->footer("Example: vitrine weights verify efficientnet_b0_rwightman-7f5810bc.pth");
  verify->callback([&] { chosen = [&] { run_weights_verify(c.verify); }; });
}

void add_export(CLI::App& app, ExportCommand& c, std::function<void()>& chosen) {
  auto* sub = app.add_subcommand("export", "write a network for other programs");
  sub->add_option("--weights", c.checkpoint.file, "safetensors or .pth")->required();
  sub->add_option("--format", c.format, "safetensors (timm's keys) or onnx (opset 17, inference)")->capture_default_str();
  sub->add_option("-o,--output", c.output, "file to write")->required();
  sub->add_flag("--unfolded", c.unfolded, "onnx: keep batch norm as nodes of its own");
  sub->add_flag("--any-size", c.any_size, "onnx: leave rows and columns free for a network trained on crops of one size, too");
  add_checkpoint_options(sub, c.checkpoint.arch, c.checkpoint.from, c.checkpoint.semantics);
  add_ema(sub, c.checkpoint.ema);
  sub->footer("Example: vitrine export --weights b0.safetensors --format onnx -o b0.onnx");
  sub->callback([&] { chosen = [&] { run_export(c); }; });
}

}  // namespace

void add_checkpoint_commands(CLI::App& app, CheckpointCommands& commands, std::function<void()>& chosen) {
  add_predict(app, commands.predict, chosen);
  add_weights(app, commands, chosen);
  add_export(app, commands.export_, chosen);
}

}  // namespace vitrine::cli
