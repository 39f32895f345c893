/* The five likeliest classes of a photograph, in C11 through libvitrine.so: predict CHECKPOINT PHOTOGRAPH */
#include <stdio.h>
#include <stdlib.h>

#include "vitrine_c.h"

/* Ends the program with the library's sentence and the exit code that `vitrine` would have. */
static void check(int status) {
  if (status == VITRINE_OK) return;
  fprintf(stderr, "%s\n", vitrine_last_error());
  exit(status);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: predict CHECKPOINT PHOTOGRAPH\n");
    return VITRINE_USAGE;
  }
  vitrine_network *network = NULL;
  check(vitrine_open(argv[1], &network));
  const size_t classes = (size_t)vitrine_classes(network);
  double *p = calloc(classes, sizeof *p);
  if (p == NULL) {
    fprintf(stderr, "out of memory\n");
    return VITRINE_RUNTIME;
  }
  check(vitrine_predict_file(network, argv[2], p, classes));
  for (int rank = 1; rank <= 5 && rank <= (int)classes; ++rank) {
    size_t best = 0;
    for (size_t c = 1; c < classes; ++c) {
      if (p[c] > p[best]) best = c;
    }
    printf("  %d  %.4f  class %zu  %s\n", rank, p[best], best, vitrine_class_name(network, (int64_t)best));
    p[best] = -1;
  }
  free(p);
  check(vitrine_close(network));
  return 0;
}
