// Brain extraction from one volume with skull, whatever its contrast: T1 with and without contrast agent, FLAIR, T2.
//
// Steps      a template of MNI152 laid over the head by an affine map (head_registration.h) and bent to it (head_deformation.h);
//            near its surface tissue decides (surface.h); what comes out has to look like a brain (plausibility.h)
// Rounds     a field of the receive coils that changes brightness by more than 1.4 is taken out (steps/bias_field.h) and the brain sought again, up to twice
// Mask       what lies inside the smooth hull of the brain: sulci, ventricles, cerebellum, brainstem down to the foramen magnum
// Stripped   a volume without skull (exactly 0 around a blob of a brain's size) is taken as it is
// A mask that the user brings always wins.
#pragma once

#include <array>
#include <string>

#include "base/json.h"
#include "imaging/brain/head_template.h"
#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

enum class HeadContrast { automatic, t1, flair, t2 };
std::string name_of(HeadContrast contrast);            // "auto", "t1", "flair", "t2"
HeadContrast contrast_named(const std::string& name);  // UsageError for another name

struct BrainOptions {
  HeadContrast contrast = HeadContrast::automatic;
  bool stripped = false;               // the user says that it is without skull
  const HeadTemplate* head = nullptr;  // another template than the carried one
};

struct BrainFigures {
  HeadContrast contrast =
      HeadContrast::automatic;    // as found: T2 shows CSF brighter than grey matter, FLAIR grey brighter than white matter
  bool stripped = false;          // the volume came without skull; the figures below are not taken
  double information = 0;         // nats, of the template's head and the intensities
  double tissue_information = 0;  // nats, of CSF, grey and white matter and the intensities, inside the brain
  double field_ratio = 0;         // of the receive coils' field inside the brain, highest by lowest; 0: not measured (T2)
  int rounds = 1;                 // of the search: a strong field is taken out and the brain sought again
  double covered = 1;             // share of the template's brain inside the field of view
  std::array<double, 3> scale{1, 1, 1};  // of the template, along left, posterior, superior
  double turn_degrees = 0;               // of the head against the axes of the patient
  double template_share = 1;             // of the bent template's brain, how much the mask holds
  double template_dice = 1;              // of both
  Vec3 off_centre{0, 0, 0};              // mm, of the mask's centre from the template's, along the template's axes
  double asymmetry = 0;   // |left - right| / (left + right) about the template's mid plane; the largest of front, middle, back
  double below_top = 0;   // mm from the top of the head down to the top of the mask
  double grey_white = 1;  // |grey - white| / the brighter of both levels
  double border_share = 0;  // of the mask's voxels, how many lie on the border of the volume
};

struct Brain {
  Mask mask;
  double ml = 0;
  BrainFigures figures;
  Notes notes;
};

// `volume` in LPS order. DataError, which names the volume as `what`, when no brain is found or what was found cannot be one. Interrupted.
Brain extract_brain(const Volume& volume, const BrainOptions& options, const std::string& what);
Json record(const Brain& brain);

inline constexpr double kLesionMarginMm = 2;  // around a lesion everything counts as brain

// The brain, the lesions and everything within `margin_mm` of a lesion.
Mask with_lesion(Mask brain, const Mask& lesion, double margin_mm);

// Do the masks of a patient's series show one brain? On one grid, after coregistration, each only where all see something.
struct BrainAgreement {
  double t1c_flair = -1, t1c_t2 = -1, flair_t2 = -1;  // Dice; -1: not both are there
  Notes notes;                                        // which series differs from the others
};
inline constexpr double kLeastBrainAgreement = 0.9;
BrainAgreement brain_agreement(const Mask& t1c, const Mask* flair, const Mask* t2);

}  // namespace vitrine::imaging
