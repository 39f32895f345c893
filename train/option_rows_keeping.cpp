// Rows of the table of options: choice, keeping and device.
#include "train/option_rows.h"

#include "base/nearest.h"
#include "tensor/cuda/settings.h"
#include "train/choice.h"
#include "train/control.h"

namespace vitrine {
namespace {

constexpr OptionRow kRows[] = {
    {.name = "select",
     .group = "choice",
     .member = [](RunOptions& o) -> Member { return &o.train.select; },
     .help = "which epoch is kept: best (as the paper), last, nested (best on an inner part), nested-refit (then all anew)",
     .check = [](const std::string& name) { select_from_name(name); },
     .recorded = "select"},
    {.name = "monitor",
     .group = "choice",
     .member = [](RunOptions& o) -> Member { return &o.train.monitor; },
     .help = "the figure by which an epoch is best: accuracy, auc, loss or f1",
     .check = [](const std::string& name) { monitor_from_name(name); },
     .recorded = "select"},
    {.name = "tta",
     .group = "choice",
     .member = [](RunOptions& o) -> Member { return &o.train.tta; },
     .help = "test-time augmentation: predictions are means over the image and its flips: none, horizontal, vertical or both",
     .check = [](const std::string& name) { chosen_name("--tta", name, flip_names()); },
     .recorded = "tta"},
    {.name = "control",
     .group = "choice",
     .member = [](RunOptions& o) -> Member { return &o.train.control; },
     .help = "a training whose result is known: none, permuted-labels, background or swapped-channels",
     .check = [](const std::string& name) { control_from_name(name); },
     .recorded = "control"},
    {.name = "save-every",
     .group = "keeping",
     .member = [](RunOptions& o) -> Member { return &o.train.keeping.save_every; },
     .help = "epochs between two saved states, from which a stopped run goes on",
     .low = 1,
     .high = 100000},
    {.name = "save-seconds",
     .group = "keeping",
     .member = [](RunOptions& o) -> Member { return &o.train.keeping.save_seconds; },
     .help = "at least so many seconds between two of them",
     .high = 86400},
    {.name = "tensorboard",
     .group = "keeping",
     .member = [](RunOptions& o) -> Member { return &o.train.keeping.tensorboard; },
     .help = "write the history of each fold as an event file for TensorBoard, too"},
    {.name = "retrain-damaged",
     .group = "keeping",
     .member = [](RunOptions& o) -> Member { return &o.train.keeping.retrain_damaged; },
     .help = "train a finished fold again when one of its files was changed or damaged; without it the run is refused"},
    {.name = "audit",
     .group = "keeping",
     .member = [](RunOptions& o) -> Member { return &o.train.keeping.audit; },
     .help = "record what every step computed, for `vitrine audit`: off, summary (hashes, and an op in 32 in full) or full",
     .check = [](const std::string& name) { check_audit_level(name); }},
    {.name = "audit-every",
     .group = "keeping",
     .member = [](RunOptions& o) -> Member { return &o.train.keeping.audit_every; },
     .help = "epochs between two states that the audit keeps to begin again from; 0: it begins from the start alone",
     .high = 100000},
    {.name = "device",
     .group = "device",
     .member = [](RunOptions& o) -> Member { return &o.device.device; },
     .help = "cpu, cuda, cuda:N, auto (a GPU if there is one), cuda-host (its kernels, run here)"},
    {.name = "tier",
     .group = "device",
     .member = [](RunOptions& o) -> Member { return &o.device.tier; },
     .help = "on a CUDA device: run-to-run, or portable (own kernels, the CPU's bits)",
     .check = [](const std::string& name) { cuda::tier_from_name(name); }},
    {.name = "precision",
     .group = "device",
     .member = [](RunOptions& o) -> Member { return &o.device.precision; },
     .help = "of products in the run-to-run tier: fp32, tf32 or bf16",
     .check = [](const std::string& name) { cuda::precision_from_name(name); }},
    {.name = "device-memory",
     .group = "device",
     .member = [](RunOptions& o) -> Member { return &o.device.memory_mib; },
     .help = "MiB that tensors may take of a CUDA device; 0: all",
     .high = 1 << 30,
     .shows_range = true},
    {.name = "devices",
     .group = "device",
     .member = [](RunOptions& o) -> Member { return &o.device.together; },
     .help = "GPUs that share every batch: 0,1"},
};

}  // namespace

std::span<const OptionRow> keeping_rows() { return kRows; }

}  // namespace vitrine
