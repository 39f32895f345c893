// The study's training in one include: manifests, splits, folds, one-cycle, mixup, oversampling, metrics.
#pragma once

#include "base/error.h"
#include "data/augment.h"
#include "data/batch.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "data/mixup.h"
#include "data/sampler.h"
#include "data/split.h"
#include "evaluation/metrics.h"
#include "train/cross_validation.h"
#include "train/options.h"
#include "train/schedule.h"
#include "train/step.h"
#include "train/trainer.h"
