#include "imaging/simulator/signal.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr double kRelaxivity = 4.5e-3;                       // r1 of gadolinium, per ms and mM
constexpr double kFlowVoidFlair = 0.30, kFlowVoidT2 = 0.40;  // of blood, relative to white matter

double decay(double time, double constant) { return exp_portable(-time / constant); }

double between(double x, double x0, double x1, double y0, double y1) { return y0 + (y1 - y0) * (x - x0) / (x1 - x0); }

Relaxation mixed(double t2, const Relaxation& a, const Relaxation& b) {
  return {between(t2, a.t2_ms, b.t2_ms, a.t1_ms, b.t1_ms), t2,
          between(t2, a.t2_ms, b.t2_ms, a.proton_density, b.proton_density)};
}

}  // namespace

Sequence t1c_sequence(const std::string& family) {
  if (family == "spgr") return {Contrast::spgr, 8, 0, 0, 12};
  if (family == "mprage") return {Contrast::mprage, 2000, 0, 950, 0};
  if (family == "se") return {Contrast::spin_echo, 600, 12, 0, 90};
  throw UsageError(text("the T1c sequence is '", family, "', expected spgr, mprage, se or mix"));
}

Sequence flair_sequence() { return {Contrast::flair, 9000, 110, 2450, 90}; }

Sequence t2_sequence() { return {Contrast::turbo_spin_echo, 4500, 100, 0, 90}; }

const char* name_of(Contrast contrast) {
  switch (contrast) {
    case Contrast::tabled: return "tabled";
    case Contrast::spin_echo: return "se";
    case Contrast::spgr: return "spgr";
    case Contrast::mprage: return "mprage";
    case Contrast::turbo_spin_echo: return "tse";
    case Contrast::flair: return "flair";
  }
  return "";
}

Relaxation with_gadolinium(Relaxation r, double mM) {
  r.t1_ms = 1 / (1 / r.t1_ms + kRelaxivity * mM);
  return r;
}

Relaxation solid_tumour(double t2_ms) {
  using namespace relaxation;
  if (t2_ms <= dark_tumour.t2_ms) return {dark_tumour.t1_ms, t2_ms, dark_tumour.proton_density};
  if (t2_ms <= dense_tumour.t2_ms) return mixed(t2_ms, dark_tumour, dense_tumour);
  if (t2_ms <= tumour.t2_ms) return mixed(t2_ms, dense_tumour, tumour);
  return {tumour.t1_ms, t2_ms, tumour.proton_density};
}

double signal_of(const Sequence& s, const Relaxation& r) {
  const double longitudinal = decay(s.tr_ms, r.t1_ms);
  switch (s.contrast) {
    case Contrast::spin_echo:
    case Contrast::turbo_spin_echo: return r.proton_density * (1 - longitudinal) * decay(s.te_ms, r.t2_ms);
    case Contrast::spgr: {
      const double flip = s.flip_degrees * std::numbers::pi / 180;
      return r.proton_density * sin_portable(flip) * (1 - longitudinal) / (1 - cos_portable(flip) * longitudinal);
    }
    case Contrast::mprage:
      return r.proton_density * std::abs(1 - 2 * decay(s.ti_ms, r.t1_ms) + longitudinal) / (1 + longitudinal);
    case Contrast::flair:
      return r.proton_density * std::abs(1 - 2 * decay(s.ti_ms, r.t1_ms) + longitudinal) * decay(s.te_ms, r.t2_ms);
    case Contrast::tabled: break;
  }
  throw InternalError("a tabled sequence has no signal equation");
}

double relative_signal(const Sequence& sequence, const Relaxation& tissue) {
  return signal_of(sequence, tissue) / signal_of(sequence, relaxation::white);
}

SignalTable signal_table(const Sequence& sequence, bool contrast_given) {
  using namespace relaxation;
  const auto of = [&](const Relaxation& r) { return relative_signal(sequence, r); };
  const bool is_flair = sequence.contrast == Contrast::flair, is_t2 = sequence.contrast == Contrast::turbo_spin_echo;
  const bool enhances = contrast_given && !is_flair && !is_t2;
  const double vessel = is_flair ? kFlowVoidFlair
                        : is_t2  ? kFlowVoidT2
                                 : of(with_gadolinium(blood, enhances ? kBloodGadolinium : 0));
  SignalTable table;
  table.sequence = sequence;
  table.healthy = {of(fluid), of(grey), of(white), of(fat), of(muscle), vessel};
  table.oedema = of(oedema);
  table.necrosis = of(necrosis);
  table.choroid = of(with_gadolinium(grey, enhances ? kChoroidGadolinium : 0));
  return table;
}

}  // namespace vitrine::imaging
