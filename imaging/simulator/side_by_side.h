// Patients at a time.
#pragma once

#include <functional>

namespace vitrine::imaging {

// Calls work(i) once for every i of 0..count-1, `jobs` at a time, in rising order of their beginning. The first exception ends the loop, once the
// calls that have begun are over, and is rethrown here. Interrupted.
void side_by_side(int count, int jobs, const std::function<void(int)>& work);

}  // namespace vitrine::imaging
