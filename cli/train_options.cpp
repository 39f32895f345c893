// The options of whatever trains, and of a split.
#include "cli/train_options.h"

#include <CLI/CLI.hpp>

#include "cli/command_line.h"

namespace vitrine::cli {

void add_train_options(CLI::App* app, TrainOptions& o) {
  auto* network = app->add_option_group("network");
  network->add_option("--arch", o.arch, "b0 to b7, lite0 to lite4")->capture_default_str();
  network->add_option("--weights", o.weights, "checkpoint to start from; without it weights are drawn");
  network
      ->add_option("--from", o.from,
                   "family of the checkpoint: auto, torchvision, timm, timm-tf, efficientnet-pytorch, tensorflow")
      ->capture_default_str();
  network->add_flag("--ema", o.ema,
                    "start from the checkpoint's averaged weights (EMA, SWA, a teacher) instead of the plain ones");
  network->add_option("--dropout", o.dropout, "before the classifier")->capture_default_str();
  network->add_option("--drop-connect", o.drop_connect, "of the last block; earlier blocks less, linearly")
      ->capture_default_str();
  network->add_option("--bn-momentum", o.bn_momentum, "weight of a batch in the running statistics; 0: the weights' own")
      ->capture_default_str();
  network
      ->add_option("--first-conv", o.first_conv,
                   "one input channel: replicate (three times, as RGB), sum or extend (one-channel network)")
      ->capture_default_str();
  network
      ->add_option("--freeze", o.freeze,
                   "keep the weights and statistics of everything up to: none, stem, stage0 to stage6, head")
      ->capture_default_str();
  auto* training = app->add_option_group("training");
  training->add_option("--epochs", o.epochs, "passes over the training part")->capture_default_str();
  training->add_option("--batch-size", o.batch_size, "images a step")->capture_default_str();
  training->add_option("--lr", o.lr, "highest learning rate of the one-cycle schedule")->capture_default_str();
  training->add_option("--lr-scale", o.lr_scale, "learning rates by part, relative to --lr: stem=0.1,stage0=0.1,head=0.5");
  training->add_option("--mixup", o.mixup, "alpha of the Beta distribution; 0: no mixup")->capture_default_str();
  training->add_option("--label-smoothing", o.label_smoothing, "share spread evenly over the classes")->capture_default_str();
  training->add_flag(
      "!--no-oversample", [&o](std::int64_t on) { o.balance = on > 0 ? Balance::oversample : Balance::none; },
      "visit every image once an epoch instead of both classes equally often");
  training->add_flag("!--no-augmentation", o.augmentation, "no rotation, zoom, lighting or flips");
  training->add_option("--rotate", o.augment.max_rotate_degrees, "largest rotation, degrees")->capture_default_str();
  training->add_option("--zoom", o.augment.max_zoom, "largest zoom")->capture_default_str();
  training->add_option("--lighting", o.augment.max_lighting, "brightness and contrast")->capture_default_str();
  training->add_option("--weight-decay", o.optimizer.weight_decay, "above 0: AdamW instead of Adam")->capture_default_str();
  training->add_option("--seed", o.seed, "of every random draw")->check(whole_number())->capture_default_str();
  auto* keeping = app->add_option_group("keeping");
  keeping->add_option("--save-every", o.keeping.save_every, "epochs between two saved states, from which a stopped run goes on")
      ->capture_default_str();
  keeping->add_flag("--retrain-damaged", o.keeping.retrain_damaged,
                    "train a finished fold again when one of its files was changed or damaged; without it the run is refused");
}

void add_split_options(CLI::App* app, SplitOptions& o) {
  app->add_option("--test-fraction", o.test_fraction, "share of the subjects of each class in the fixed test part")
      ->capture_default_str();
  app->add_option("--folds", o.folds, "folds of the rest")->capture_default_str();
  app->add_option("--split-seed", o.seed, "of the order in which subjects are dealt")
      ->check(whole_number())
      ->capture_default_str();
}

}  // namespace vitrine::cli
