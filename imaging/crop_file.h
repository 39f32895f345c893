// One crop as a file that training reads, and its picture: made in memory, so that all of a subject can be put away at once.
#pragma once

#include <string>
#include <vector>

#include "imaging/subject.h"
#include "imaging/subject_record.h"

namespace vitrine::imaging {

struct MadeCrop {
  RecordedSample recorded;
  std::string crop, preview;  // bytes of recorded.sample.file and .preview
};

// Whose crop it is. `without`: the columns that the subject lacks, with commas between.
struct CropOwner {
  std::string subject_id, label, without;
};

// `size` * `size` pixels of all channels around one slice of a lesion; the channels lie on the grid of the slice.
MadeCrop make_crop(const CropOwner& owner, const LesionSlice& slice, const std::vector<PreparedChannel>& channels, int size);

}  // namespace vitrine::imaging
