// The search of the default preset: from many starts on coarse blocks to one pose.
#pragma once

#include <string>
#include <vector>

#include "imaging/steps/descent.h"
#include "imaging/steps/registration_pair.h"

namespace vitrine::imaging {

// A pose to start from or to go on from.
struct Candidate {
  Pose pose;
  double nmi = 0;
  std::string start;
  int iterations = 0, evaluations = 0;
  std::string stop;
};

// Where the samples' centre may lie in the target, by what is aligned: headers, centres of the volumes, of the heads, of what is below the
// heads' crowns.
std::vector<Candidate> registration_starts(const RegistrationPair& pair);

// The best poses at the medium level, best first: every start is tried with rotations of -30, -15, 0, 15, 30 degrees about each axis, the best
// are refined at the coarsest level and the best of these at the medium one. Empty when no start overlaps. `mirrored` reflects the samples left
// to right first: nobody's head lies so, and how well it fits tells left from right.
std::vector<Candidate> searched(const RegistrationPair& pair, const std::vector<Candidate>& starts, bool mirrored);

// Down to a step below 5 micrometres on `level`.
Candidate finished(const RegistrationLevel& level, const Candidate& from);

}  // namespace vitrine::imaging
