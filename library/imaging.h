// MRI in one include: volumes, a cohort's preparation step by step or whole, and simulated patients. Needs vitrine::imaging (ITK).
#pragma once

#include "imaging/cohort.h"
#include "imaging/formats/read_volume.h"
#include "imaging/orientation.h"
#include "imaging/prep.h"
#include "imaging/simulator/cohort_simulator.h"
#include "imaging/steps/agreement.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/brain.h"
#include "imaging/steps/components.h"
#include "imaging/steps/crop.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/normalize.h"
#include "imaging/steps/registration.h"
#include "imaging/subject.h"
#include "imaging/volume.h"
