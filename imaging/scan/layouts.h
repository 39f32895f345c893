// How public archives name their files: which file is which series of whom.
//
// bids            sub-<patient>[/ses-<session>]/anat/..._ce-<agent>_T1w, _FLAIR, _T2w; masks under derivatives/: label-lesion or desc-lesion and
//                 _mask or _dseg, desc-brain_mask
// brats           <case>/<case>-{t1c,t1n,t2f,t2w,seg}; the last group of a case with five is the session. BraTS-METS and Pretreat-MetsToBrain-Masks:
//                 coregistered and skull-stripped; labels 1 (not enhancing core) and 3 (enhancing) are the lesion, 2 is oedema
// ucsf            <patient><exam letter>/<same>_{T1post,FLAIR,seg}. UCSF-BMSR: coregistered, skull-stripped; its T2 is synthetic and is left out
// brainmetshare   Mets_<number>/{bravo,flair,seg}; the spin echo after contrast, t1_gd, is left out beside bravo
// yale            <patient>/<date>/<patient>_<date>_<time>_{POST,T2,FLAIR}; without masks
// lung-path       YG_<12 characters>...{T1CE,FLAIR}, with _mask or _seg of T1CE. Brain-Mets-Lung-MRI-Path-Segs; exact names were not at hand
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vitrine::imaging {

// One file, placed. `column` is one of cohort.csv's, or empty where the file is known and left out, for the reason `why`.
struct PlacedFile {
  std::string patient, session, column, why;
};

struct Layout {
  std::string name, dataset;  // dataset: what cohort.csv says; may be empty
  std::string mask_labels;
  bool coregistered = false, skull_stripped = false;
  // Of a path below the folder. Nothing for a file that the layout does not name.
  std::optional<PlacedFile> (*place)(const std::filesystem::path& relative);
};

const std::vector<Layout>& layouts();

// The file's name without .nii, .nii.gz, .nrrd, .mha; empty for other files.
std::string volume_stem(const std::filesystem::path& file);

}  // namespace vitrine::imaging
