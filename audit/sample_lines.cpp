#include "audit/fold_audit.h"
#include "base/error.h"
#include "base/number.h"
#include "data/augment.h"
#include "data/mixup.h"
#include "tensor/tensor_hash.h"
#include "train/trainer.h"

namespace vitrine::audit {
namespace {

std::string list(std::initializer_list<double> values) {
  std::string out = "[";
  for (const double v : values) out += (out.size() > 1 ? "," : "") + shortest(v);
  return out + "]";
}

// Names of samples are checked when a manifest is read: they need no escapes (base/names.h).
std::string quoted(const std::string& name) { return "\"" + name + "\""; }

}  // namespace

std::string lineage_lines(const StepFacts& step, const Batch& batch, const Dataset& data, const TrainOptions& options) {
  const auto count = static_cast<std::int64_t>(step.samples.size());
  const std::vector<Mix> mixes =
      drawn_mixes(count, options.mixup, options.seed, step.epoch, step.first, mixup_mode_from_name(options.mixup_mode));
  const Shape& shape = data.images.front().shape();
  std::string lines;
  for (std::int64_t slot = 0; slot < count; ++slot) {
    const auto place = [&](std::int64_t at) { return static_cast<std::size_t>(step.samples[static_cast<std::size_t>(at)]); };
    const Sample& sample = data.samples[place(slot)];
    const bool mixed = options.mixup > 0;
    const Mix mix = mixed ? mixes[static_cast<std::size_t>(slot)] : Mix{};
    lines += text("{\"step\":", step.number, ",\"slot\":", slot, ",\"sample\":", quoted(sample.sample_id), ",\"sha256\":\"",
                  sample.sha256, "\"");
    if (mixed) {
      const Sample& partner = data.samples[place(mix.partner)];
      lines += text(",\"partner\":", quoted(partner.sample_id), ",\"lambda\":") + shortest(mix.lambda);
    }
    if (options.augmentation) {
      const View view = drawn_view(augment_options(options), shape[0], shape[1], options.seed, step.epoch,
                                   step.first + static_cast<std::uint32_t>(slot));
      const Affine& a = view.affine;
      if (!a.identity) lines += ",\"affine\":" + list({a.a, a.b, a.c, a.d, a.ty, a.tx});
      if (a.warped) lines += ",\"warp\":" + list({a.py, a.px, a.p});
      if (!view.light.identity) lines += ",\"light\":" + list({view.light.shift, view.light.scale});
    }
    const std::int64_t size = batch.images.size() / count;
    const Hash128 input =
        hash_of_bytes(batch.images.host().data() + slot * size, static_cast<std::size_t>(size) * sizeof(float));
    lines += ",\"input\":\"" + hex(input) + "\"}\n";
  }
  return lines;
}

}  // namespace vitrine::audit
