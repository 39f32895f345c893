// EfficientNets in one include: published checkpoints and one's own, inference with batch norms folded, photographs.
#pragma once

#include "base/error.h"
#include "data/batch.h"
#include "data/photograph.h"
#include "data/resize.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/checkpoint_facts.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/imagenet_classes.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/prediction.h"
#include "nn/efficientnet/scaling.h"
#include "nn/efficientnet/semantics.h"
#include "weights/checkpoint_file.h"
