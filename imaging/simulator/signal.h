// What a sequence makes of a tissue: the signal equations, and the relaxation times of what is in a head.
//
// Equations  spin echo      PD (1 - e^(-TR/T1)) e^(-TE/T2)
//            SPGR           PD sin a (1 - e^(-TR/T1)) / (1 - cos a e^(-TR/T1)); TE is short
//            MPRAGE         PD |1 - 2 e^(-TI/T1) + e^(-TR/T1)| / (1 + e^(-TR/T1))
//            FLAIR          PD |1 - 2 e^(-TI/T1) + e^(-TR/T1)| e^(-TE/T2)
//            gadolinium     1/T1' = 1/T1 + r1 C, r1 = 4.5 per s and mM; T2 is left as it is
// Units      ms, degrees, mM; a signal is relative to white matter without gadolinium
// Tissue     3 T: white and grey matter and fluid from a relaxometry study of brain metastases (docs/simulator.md); the others are usual values,
//            with proton densities such that the table of docs/simulator.md comes out
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace vitrine::imaging {

enum class Contrast { tabled, spin_echo, spgr, mprage, turbo_spin_echo, flair };

struct Sequence {
  Contrast contrast = Contrast::tabled;  // the rounded table of imaging/simulator/lesion.cpp, without gadolinium of its own
  double tr_ms = 0, te_ms = 0, ti_ms = 0, flip_degrees = 0;
};

// Settings of a family where nothing else is asked for. UsageError for a T1c family other than spgr, mprage and se.
Sequence t1c_sequence(const std::string& family);
Sequence flair_sequence();
Sequence t2_sequence();
const char* name_of(Contrast contrast);

struct Relaxation {
  double t1_ms = 0, t2_ms = 0, proton_density = 1;
};

Relaxation with_gadolinium(Relaxation r, double mM);

namespace relaxation {
inline constexpr Relaxation white{701, 64, 0.70}, grey{1143, 78, 0.82}, fluid{4206, 390, 1.0}, oedema{1500, 140, 0.88},
    tumour{1400, 95, 0.85}, dense_tumour{1250, 85, 0.84}, dark_tumour{1300, 70, 0.84}, necrosis{2600, 260, 0.95},
    fat{380, 70, 0.90}, muscle{1400, 35, 0.80}, blood{1650, 150, 0.85};
}
// Of the solid part of a tumour with this T2: between those above.
Relaxation solid_tumour(double t2_ms);

// Absolute; UsageError is not possible: a tabled contrast is an InternalError.
double signal_of(const Sequence& sequence, const Relaxation& tissue);
double relative_signal(const Sequence& sequence, const Relaxation& tissue);  // signal_of / signal_of(white)

inline constexpr double kBloodGadolinium = 0.5, kChoroidGadolinium = 0.35;  // mM

// Signals relative to white matter of everything but the solid part of tumours, in the order of imaging/simulator/anatomy.h. Vessels, dura
// and choroid plexus take up gadolinium on T1c when `contrast_given`; blood flows and is dark on FLAIR and T2.
struct SignalTable {
  Sequence sequence;
  std::array<double, 6> healthy{};
  double oedema = 0, necrosis = 0, choroid = 0;
};
SignalTable signal_table(const Sequence& sequence, bool contrast_given);

}  // namespace vitrine::imaging
