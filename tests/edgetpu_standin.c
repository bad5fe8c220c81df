/* A stand-in for libedgetpu.so.1: the two symbols that a TFLite runtime asks of a delegate library.
 *
 * It takes every `edgetpu-custom-op` of a model and answers with a function of the input bytes that
 * tests compute again. How it behaves stands in the folder $EDGETPU_STANDIN:
 *   plan        one line for each start (the last one for all later starts) of words KEY=VALUE:
 *               invoke_us=N   an invoke takes so long
 *               after=N       the first N invokes, the self-test among them, are right
 *               then=KIND     abort | segfault | hang | error | exit: what the next one does
 *               create=KIND   the same while it is created; fail: no delegate, no reason
 *               create_us=N   creating takes so long
 *               prepare=TEXT  refused at allocation with this text, '_' for ' '
 *               delegate=none no operator is taken
 *   starts      one byte is appended at each start
 *   devices     the option `device` of each start, one a line
 *   ended       when it last acted as told: nanoseconds of the monotonic clock
 *   unplugged   while it exists, or unplugged-DEVICE, creating fails; once it appears, the
 *               process is aborted, at work or idle
 * The layouts are those of a 64-bit build of TensorFlow Lite's c/common.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct {
  int type;
  void *data;
  IntArray *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  char rest[48];
} Tensor;
typedef struct { IntArray *inputs, *outputs, *intermediates, *temporaries; void *user_data; } Node;
typedef struct Context Context;
typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *external, *async_kernel;
  uint64_t inplace_operator;
} Registration;
typedef struct Delegate {
  void *data;
  int (*prepare)(Context *, struct Delegate *);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *opaque;
} Delegate;
struct Context {
  size_t tensors_size;
  int (*execution_plan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  int (*resize)(Context *, Tensor *, IntArray *);
  void (*report)(Context *, const char *, ...);
  int (*add_tensors)(Context *, int, int *);
  int (*node_and_registration)(Context *, int, Node **, Registration **);
  int (*replace)(Context *, Registration, const IntArray *, Delegate *);
};
_Static_assert(sizeof(Delegate) == 56 && sizeof(Registration) == 88 && sizeof(Tensor) == 112, "ABI");

enum { OK = 0, ERROR = 1, FLOAT32 = 1 };

static struct {
  char folder[4000], device[64], create[16], then[16], prepare[200], delegate[16];
  long invoke_us, create_us, after, invokes;
} self;

static void path_of(char *path, size_t size, const char *name, const char *suffix) {
  snprintf(path, size, "%s/%s%s", self.folder, name, suffix);
}

static int is_unplugged(void) {
  char all[4200], one[4200];
  path_of(all, sizeof all, "unplugged", "");
  path_of(one, sizeof one, "unplugged-", self.device);
  return access(all, F_OK) == 0 || access(one, F_OK) == 0;
}

/* Say when it happened, so that a benchmark can tell how soon others noticed. */
static void note_end(void) {
  struct timespec now;
  char path[4200], text[40];
  clock_gettime(CLOCK_MONOTONIC, &now);
  snprintf(text, sizeof text, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
  path_of(path, sizeof path, "ended", "");
  int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) return;
  close(fd);
}

static void lose_device(void) {
  note_end();
  fputs("F driver/usb/usb_driver.cc:857] transfer on tag 2 failed. Abort. The stand-in lost its device\n",
        stderr);
  abort();
}

static void *watch_device(void *unused) {
  (void)unused;
  for (;;) {
    if (is_unplugged()) lose_device();
    usleep(1000);
  }
  return NULL;
}

static void sleep_until_us(const struct timespec *start, long us) {
  struct timespec end = *start;
  end.tv_sec += us / 1000000;
  end.tv_nsec += us % 1000000 * 1000;
  if (end.tv_nsec >= 1000000000) { end.tv_nsec -= 1000000000; end.tv_sec++; }
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL)) { }
}

/* Die as told; return whether to report an error instead. */
static int act(const char *kind) {
  static volatile int *volatile nowhere;
  if (*kind) note_end();
  if (!strcmp(kind, "abort")) { fputs("the stand-in aborts\n", stderr); abort(); }
  if (!strcmp(kind, "segfault")) *nowhere = 1;
  if (!strcmp(kind, "hang")) for (;;) pause();
  if (!strcmp(kind, "exit")) _exit(3);
  return !strcmp(kind, "error") || !strcmp(kind, "fail");
}

static void take_word(char *word) {
  char *value = strchr(word, '=');
  if (!value) return;
  *value++ = 0;
  if (!strcmp(word, "invoke_us")) self.invoke_us = atol(value);
  if (!strcmp(word, "create_us")) self.create_us = atol(value);
  if (!strcmp(word, "after")) self.after = atol(value);
  if (!strcmp(word, "then")) snprintf(self.then, sizeof self.then, "%s", value);
  if (!strcmp(word, "create")) snprintf(self.create, sizeof self.create, "%s", value);
  if (!strcmp(word, "delegate")) snprintf(self.delegate, sizeof self.delegate, "%s", value);
  if (!strcmp(word, "prepare")) {
    snprintf(self.prepare, sizeof self.prepare, "%s", value);
    for (char *c = self.prepare; *c; c++) if (*c == '_') *c = ' ';
  }
}

static void take_plan(long start) {
  char path[4200], line[1000], kept[1000] = "";
  path_of(path, sizeof path, "plan", "");
  FILE *plan = fopen(path, "r");
  if (!plan) return;
  for (long n = 0; n <= start && fgets(line, sizeof line, plan); n++) strcpy(kept, line);
  fclose(plan);
  for (char *word = strtok(kept, " \n"); word; word = strtok(NULL, " \n")) take_word(word);
}

static long append(const char *name, const char *text) {
  char path[4200];
  path_of(path, sizeof path, name, "");
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) return 0;
  long end = lseek(fd, 0, SEEK_CUR);
  close(fd);
  return end;
}

static uint32_t salt_of(const Tensor *tensor) {
  uint32_t sum = 0;
  for (const char *c = tensor->name ? tensor->name : ""; *c; c++) sum += (unsigned char)*c;
  return sum;
}

static int invoke(Context *context, Node *node) {
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (self.invokes++ >= self.after && act(self.then)) {
    context->report(context, "the stand-in fails as told");
    return ERROR;
  }
  uint32_t seed = 0;
  for (int i = 0; i < node->inputs->size; i++) {
    const Tensor *tensor = &context->tensors[node->inputs->data[i]];
    const uint8_t *bytes = tensor->data;
    uint32_t sum = 0;
    for (size_t base = 0; base < tensor->bytes; base += 251)
      for (size_t k = 0; k < 251 && base + k < tensor->bytes; k++) sum += bytes[base + k] * (uint32_t)(k + 1);
    seed += sum * (1 + salt_of(tensor) % 97);
  }
  for (int o = 0; o < node->outputs->size; o++) {
    Tensor *tensor = &context->tensors[node->outputs->data[o]];
    const uint32_t first = seed + salt_of(tensor);
    if (tensor->type == FLOAT32) {
      float *reals = tensor->data;
      for (size_t k = 0; k < tensor->bytes / 4; k++) reals[k] = (float)((first + 31 * (uint32_t)k) & 255) / 256;
    } else {
      uint8_t *bytes = tensor->data;
      for (size_t k = 0; k < tensor->bytes; k++) bytes[k] = (uint8_t)(first + 31 * (uint32_t)k);
    }
  }
  if (self.invoke_us) sleep_until_us(&start, self.invoke_us);
  return OK;
}

static int prepare_node(Context *context, Node *node) {
  (void)node;
  if (!self.prepare[0]) return OK;
  context->report(context, "%s", self.prepare);
  return ERROR;
}

static void *init_node(Context *context, const char *buffer, size_t length) {
  (void)context, (void)buffer, (void)length;
  return &self;
}

static void free_node(Context *context, void *data) { (void)context, (void)data; }

static int take_operators(Context *context, Delegate *delegate) {
  IntArray *plan;
  if (!strcmp(self.delegate, "none")) return OK;
  if (context->execution_plan(context, &plan)) return ERROR;
  IntArray *ours = malloc(sizeof *ours + sizeof(int) * (size_t)plan->size);
  ours->size = 0;
  for (int k = 0; k < plan->size; k++) {
    Node *node;
    Registration *registration;
    if (context->node_and_registration(context, plan->data[k], &node, &registration)) return ERROR;
    if (registration->custom_name && !strcmp(registration->custom_name, "edgetpu-custom-op"))
      ours->data[ours->size++] = plan->data[k];
  }
  Registration kernel = {.init = init_node, .free = free_node, .prepare = prepare_node,
                         .invoke = invoke, .custom_name = "EdgeTpuDelegateForCustomOp", .version = 1};
  int status = context->replace(context, kernel, ours, delegate);
  free(ours);
  return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                        void (*report)(const char *)) {
  (void)report;
  const char *folder = getenv("EDGETPU_STANDIN");
  snprintf(self.folder, sizeof self.folder, "%s", folder ? folder : "/nonexistent");
  for (size_t k = 0; k < count; k++)
    if (!strcmp(keys[k], "device")) snprintf(self.device, sizeof self.device, "%s", values[k]);
  take_plan(append("starts", ".") - 1);
  append("devices", self.device), append("devices", "\n");
  if (self.create_us) {
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    sleep_until_us(&start, self.create_us);
  }
  if (act(self.create) || is_unplugged()) return NULL;
  pthread_t watcher;
  if (folder && !pthread_create(&watcher, NULL, watch_device, NULL)) pthread_detach(watcher);
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->prepare = take_operators;
  delegate->flags = 1; /* dynamic tensors allowed: it is asked before anything is prepared */
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
