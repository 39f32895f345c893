/* Vitrine's C interface: open a checkpoint of an EfficientNet, run it on float tensors, RGB pixels or photographs. C11 and C++.
 *
 * Status      Every function that returns int returns a vitrine_status: 0, or the exit code that `vitrine` has for the same refusal.
 *             vitrine_last_error() then says in one sentence what was wrong. A wrong argument never crashes: null pointers, closed
 *             networks, sizes that are negative, too large or do not fit, values that are not finite, files that are none. Only memory
 *             that you pass is trusted to be as large as its sizes say.
 * Networks    A vitrine_network is a handle, not an address. One that was closed is recognised for ever and refused with VITRINE_USAGE.
 * Threads     Any thread may call any function at any time; several may use one network at once. Each running call has a workspace of its
 *             own, the weights are shared. A network that is closed while calls use it goes when the last of them returns. Calls share
 *             one pool of threads (vitrine_set_threads). Results are the same bits on any number of threads and in any company.
 * Strings     In: UTF-8, ending in a zero byte; copied. Out: UTF-8, owned by the library, for as long as the function says.
 * Process     No function prints, exits, forks, installs a handler of signals, changes the locale or the environment, or lets an exception
 *             out. The caller's rounding and denormal modes are put aside during a call. Two things end the process, as in any C++
 *             library: no memory even for the exception that would say so, and none for a new thread's first thread-local block.
 *             VITRINE_THREADS and VITRINE_SIMD are read from the environment at the first call.
 *             A calling thread needs a stack of 256 KiB. Let calls return before the process exits.
 * Fork        A child that was forked after the first call gets VITRINE_USAGE from every function: it has no threads. Open networks there
 *             before the parent does, or start the child with exec.
 * Unloading   dlclose leaves the library in the process: its threads and thread-local memory outlive the handle.
 *
 * docs/c-interface.md has examples and what each error means.
 */
#ifndef VITRINE_C_H
#define VITRINE_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VITRINE_API __attribute__((visibility("default")))
#else
#define VITRINE_API
#endif

typedef enum vitrine_status {
  VITRINE_OK = 0,
  VITRINE_RUNTIME = 1,  /* the machine refused: no memory, a build without decoders of photographs */
  VITRINE_USAGE = 2,    /* an argument is wrong */
  VITRINE_DATA = 3,     /* an image or photograph is refused */
  VITRINE_WEIGHTS = 4,  /* a checkpoint is refused; a missing file too */
  VITRINE_NUMERICAL = 5 /* a result is not finite; the sentence names the first op whose values are not */
} vitrine_status;

/* The order of a batch's values; passed as int. */
typedef enum vitrine_layout {
  VITRINE_NHWC = 0, /* [images, rows, columns, channels]: the network's own, nothing is transposed */
  VITRINE_NCHW = 1  /* [images, channels, rows, columns] */
} vitrine_layout;

typedef struct vitrine_network vitrine_network;

/* What a checkpoint does not say of itself; a member that is NULL or 0 leaves it to the file and its family. Start from VITRINE_OPTIONS. */
typedef struct vitrine_options {
  size_t size;              /* sizeof(vitrine_options): later versions add members at the end */
  const char* architecture; /* "b0" to "b7", "lite0" to "lite4"; needed only where the tensors fit none exactly */
  const char* family;       /* "torchvision", "timm", "timm-tf", "efficientnet-pytorch", "tensorflow"; NULL: as the keys tell */
  const char* padding;      /* "symmetric", "same" or "same-static:224" (an input size) */
  const char* norm;         /* of inputs: "imagenet" or "half" */
  const char* interpolation; /* of photographs: "bilinear" or "bicubic" */
  int64_t resize;            /* photographs: shorter side before the crop, pixels */
  int64_t input_size;        /* photographs: the central square, pixels */
  int averaged;              /* 1: the averaged weights of the checkpoint (EMA, SWA, a teacher) */
} vitrine_options;

#define VITRINE_OPTIONS \
  { sizeof(vitrine_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 0 }

/* -- The library ------------------------------------------------------------------------------------------------------------------- */

VITRINE_API const char* vitrine_version(void); /* major.minor.patch; never fails, lives as long as the library */

/* Why this thread's last call failed, in one line; empty when it did not. Lives until this thread's next call of another function than
 * this one, vitrine_last_note and vitrine_version. Never NULL. */
VITRINE_API const char* vitrine_last_error(void);

/* What this thread's last call did besides what was asked, in one line: which of a checkpoint's dicts was taken, that a photograph was
 * turned as its EXIF orientation says. Empty when nothing. Lives as vitrine_last_error(). Never NULL. */
VITRINE_API const char* vitrine_last_note(void);

/* Threads that a call may use, 1 to 1024; before the first call of this: VITRINE_THREADS, else the processors that the process may use.
 * Waits for running calls. Where many threads of yours call at once, 1 is fastest: each call then stays on its own thread. */
VITRINE_API int vitrine_set_threads(int threads);
VITRINE_API int vitrine_threads(void); /* 0 after an error */

VITRINE_API int vitrine_can_read_photographs(void); /* 1: built with decoders of JPEG and PNG; 0: not. Never fails. */

/* -- Networks ---------------------------------------------------------------------------------------------------------------------- */

/* Any checkpoint that `vitrine predict` takes: safetensors, PyTorch's files, the index of a TensorFlow checkpoint. The file is not needed
 * afterwards. *network is NULL after an error. Close what you open.
 * VITRINE_USAGE a null pointer, an unknown option; VITRINE_WEIGHTS missing, no checkpoint, damaged, or it does not fit; VITRINE_RUNTIME. */
VITRINE_API int vitrine_open(const char* path, vitrine_network** network);
VITRINE_API int vitrine_open_with(const char* path, const vitrine_options* options, vitrine_network** network);

/* Frees a network; NULL is none and does nothing. VITRINE_USAGE when it is closed already or was never opened. */
VITRINE_API int vitrine_close(vitrine_network* network);

/* 0 after an error. */
VITRINE_API int64_t vitrine_classes(const vitrine_network* network);    /* logits of an image */
VITRINE_API int64_t vitrine_channels(const vitrine_network* network);   /* values of a pixel */
VITRINE_API int64_t vitrine_input_size(const vitrine_network* network); /* rows and columns that it is evaluated at */

/* The name of class `index`, from 0; empty where the file names none (a network of 1,000 classes has ImageNet's); NULL after an error.
 * Lives until the network is closed. */
VITRINE_API const char* vitrine_class_name(const vitrine_network* network, int64_t index);
VITRINE_API const char* vitrine_architecture(const vitrine_network* network); /* "b0"; NULL after an error; lives as above */

/* Inputs of vitrine_run are (value - mean) / deviation of values in 0 to 1. For channels 0, 1, 2; channel 3 is as 0, and so on. */
VITRINE_API int vitrine_normalization(const vitrine_network* network, float mean[3], float deviation[3]);

/* -- Predictions ------------------------------------------------------------------------------------------------------------------- */

/* Logits of images that are already normalised.
 *   images    shape[0] * shape[1] * shape[2] * shape[3] floats, dense; any alignment that a float has
 *   shape     four sizes in the order of `layout`: 1 image or more, vitrine_channels() channels, 32 to 16,384 rows and columns, at most
 *             2^24 pixels an image and 2^34 values in all
 *   logits    shape[0] * vitrine_classes() floats are written, image by image; may not overlap `images`
 *   capacity  floats that `logits` has room for, no fewer than that
 * An image's logits are the same bits alone, in any batch and in either layout. After an error `logits` holds nothing of use.
 * VITRINE_USAGE an argument; VITRINE_DATA a value of `images` that is not finite; VITRINE_NUMERICAL; VITRINE_RUNTIME no memory. */
VITRINE_API int vitrine_run(const vitrine_network* network, const float* images, const int64_t shape[4], int layout,
                            float* logits, size_t capacity);

/* Probabilities of one picture's classes: resized, cut to the central square, normalised and run as `vitrine predict` does, to the bit.
 *   rgb         `rows` rows of `columns` pixels, each red, green, blue from 0 to 255, top row first; at most 64,000,000 pixels
 *   row_stride  bytes from one row's start to the next one's, at least 3 * columns; 0: 3 * columns
 *   probabilities, capacity  vitrine_classes() doubles are written, which add up to 1; room for no fewer
 * VITRINE_USAGE an argument, or a network that takes no photographs (neither 1 nor 3 channels, trained on crops that are not square, or
 * evaluated at more than 2^24 pixels); VITRINE_DATA colours for a network of one channel; VITRINE_NUMERICAL; VITRINE_RUNTIME. */
VITRINE_API int vitrine_predict_rgb(const vitrine_network* network, const uint8_t* rgb, int64_t rows, int64_t columns,
                                    size_t row_stride, double* probabilities, size_t capacity);

/* The same of a JPEG or PNG, from memory or from a file of at most 256 MiB. It is decoded in this process: `vitrine predict` decodes
 * pictures of unknown origin in a process of their own, a library cannot. VITRINE_DATA also when it is missing, no JPEG or PNG, larger than
 * 64,000,000 pixels or damaged; VITRINE_RUNTIME also where vitrine_can_read_photographs() is 0. */
VITRINE_API int vitrine_predict_photograph(const vitrine_network* network, const void* bytes, size_t size,
                                           double* probabilities, size_t capacity);
VITRINE_API int vitrine_predict_file(const vitrine_network* network, const char* path, double* probabilities, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
