#include "cli/checkpoint_options.h"

#include "cli/command.h"

namespace vitrine::cli {

void add_ema(Command app, bool& ema, const char* of) {
  app.add_flag("--ema", ema,
               std::string("take the averaged weights of ") + of + " (EMA, SWA, a teacher) instead of the plain ones");
}

void add_checkpoint_options(Command app, std::string& arch, std::string& from, SemanticsOverrides& o) {
  app.add_option("--arch", arch, "b0 to b7, lite0 to lite4; needed only where the tensors fit none exactly");
  app.add_option("--from", from, "auto, torchvision, timm, timm-tf, efficientnet-pytorch, tensorflow").capture_default_str();
  app.add_option("--padding", o.padding, "symmetric, same or same-static:<input size>; default: what the file or family says");
  app.add_option("--norm", o.norm, "input normalisation: imagenet or half; default: what the file or family says");
  app.add_option("--interpolation", o.interpolation, "of photographs: bilinear or bicubic; default: the file's or family's");
  app.add_option("--resize", o.resize, "shorter side of photographs before the crop, pixels; default: the file's or family's");
  app.add_option("--input-size", o.input_size, "centre crop of photographs, pixels; default: the file's or family's");
}

}  // namespace vitrine::cli
