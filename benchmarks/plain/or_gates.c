/* Train many OR gates by gradient descent, one after the other, as one writes it by hand:
     gcc -O3 -march=native or_gates.c -o or_gates -lm
     ./or_gates MODELS ITERATIONS SAMPLES < starts
   A plain program without this suite: what `numba` is compared with (`benchmarks.targets`).

   Starts are two weights and a bias of each model, as numbers in text. Prints the seconds that the
   fastest sample took for an iteration of one model; then what the models are trained to, in the
   form of the starts. Every sample trains from the starts. In float64, on one thread. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
static const double targets[4] = {0, 1, 1, 1};
static const double rate = 0.05;

static void train(double *parameters, long iterations) {
  double w0 = parameters[0], w1 = parameters[1], b = parameters[2];
  for (long i = 0; i < iterations; i++) {
    double g0 = 0, g1 = 0, gb = 0;
    for (int row = 0; row < 4; row++) {
      double y = w0 * inputs[row][0] + w1 * inputs[row][1] + b;
      double a = 1 / (1 + exp(-y));
      double d = (double)((a > targets[row]) - (a < targets[row])) * a * (1 - a);
      g0 += d * inputs[row][0];
      g1 += d * inputs[row][1];
      gb += d;
    }
    w0 -= rate * g0;
    w1 -= rate * g1;
    b -= rate * gb;
  }
  parameters[0] = w0;
  parameters[1] = w1;
  parameters[2] = b;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: %s MODELS ITERATIONS SAMPLES < starts\n", arguments[0]);
    return 2;
  }
  const long models = atol(arguments[1]), iterations = atol(arguments[2]);
  const long samples = atol(arguments[3]);
  double(*starts)[3] = malloc(models * sizeof *starts);
  double(*trained)[3] = malloc(models * sizeof *trained);
  if (starts == NULL || trained == NULL) return 1;
  for (long model = 0; model < models; model++)
    for (int k = 0; k < 3; k++)
      if (scanf("%lf", &starts[model][k]) != 1) return 1;
  double best = INFINITY;
  for (long sample = 0; sample < samples; sample++) {
    for (long model = 0; model < models; model++)
      for (int k = 0; k < 3; k++) trained[model][k] = starts[model][k];
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long model = 0; model < models; model++) train(trained[model], iterations);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec);
    best = fmin(best, seconds / models / iterations);
  }
  printf("%.17g\n", best);
  for (long model = 0; model < models; model++)
    printf("%.17g %.17g %.17g\n", trained[model][0], trained[model][1], trained[model][2]);
  return 0;
}
