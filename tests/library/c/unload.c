/* A thread that has used the library outlives dlclose: unload LIBRARY CHECKPOINT. Prints the classes that the network said it had. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "vitrine_c.h"

typedef int (*open_function)(const char *, vitrine_network **);
typedef int64_t (*classes_function)(const vitrine_network *);
typedef int (*run_function)(const vitrine_network *, const float *, const int64_t *, int, float *, size_t);

static const char *checkpoint;
static void *library;
static pthread_barrier_t used, closed;
static int64_t classes;

static void *work(void *nothing) {
  static float image[64 * 64 * 3], logits[1000];
  const int64_t shape[4] = {1, 64, 64, 3};
  open_function open;
  classes_function count;
  run_function run;
  *(void **)&open = dlsym(library, "vitrine_open");
  *(void **)&count = dlsym(library, "vitrine_classes");
  *(void **)&run = dlsym(library, "vitrine_run");
  vitrine_network *network = NULL;
  if (open(checkpoint, &network) == 0 && run(network, image, shape, VITRINE_NHWC, logits, 1000) == 0) classes = count(network);
  pthread_barrier_wait(&used);
  pthread_barrier_wait(&closed);
  return nothing; /* its scratch and its thread-local memory are freed by the library's code */
}

int main(int argc, char **argv) {
  if (argc != 3 || (library = dlopen(argv[1], RTLD_NOW)) == NULL) return 2;
  checkpoint = argv[2];
  pthread_barrier_init(&used, NULL, 2);
  pthread_barrier_init(&closed, NULL, 2);
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
  pthread_barrier_wait(&used);
  dlclose(library);
  pthread_barrier_wait(&closed);
  pthread_join(thread, NULL);
  printf("%d\n", (int)classes);
  return 0;
}
