/* The bodies of `native`. What stands between two lines of dashes is an object file of its own,
   after the first part, which all have: kinds of the proof link them in another order. */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
PyObject *spun(long units);
PyObject *work(PyObject *self, PyObject *arguments);
PyObject *stride(PyObject *self, PyObject *arguments);
PyObject *allocation(PyObject *self, PyObject *arguments);
PyObject *lock(PyObject *self, PyObject *arguments);
PyObject *nap(PyObject *self, PyObject *arguments);
PyObject *call(PyObject *self, PyObject *arguments);
void rest(double seconds);
// --- spun
PyObject *spun(long units) {
    unsigned long total = 1;
    for (long unit = 0; unit < units; unit++)
        for (long number = 0; number < 6000; number++)
            total = total * 1103515245 + number;
    return PyLong_FromUnsignedLong(total);
}
// --- work
PyObject *work(PyObject *self, PyObject *arguments) {
    long units;
    return PyArg_ParseTuple(arguments, "l", &units) ? spun(units) : NULL;
}
// --- stride
static size_t read_on(const unsigned char *table, size_t last, size_t at, long count, size_t step) {
    for (long number = 0; number < count; number++)
        at = (at + step + table[at]) & last;
    return at;
}

PyObject *stride(PyObject *self, PyObject *arguments) {
    static size_t at = 1000;
    long units, far;
    Py_buffer table;
    if (!PyArg_ParseTuple(arguments, "ly*l", &units, &table, &far))
        return NULL;
    at = read_on(table.buf, table.len - 1, at, far, 16411 * 64);
    at = read_on(table.buf, table.len - 1, at, 8192 - far, 1);
    PyBuffer_Release(&table);
    return spun(units);
}
// --- allocation
PyObject *allocation(PyObject *self, PyObject *arguments) {
    long units, pages;
    if (!PyArg_ParseTuple(arguments, "ll", &units, &pages))
        return NULL;
    size_t size = pages * sysconf(_SC_PAGESIZE);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (room == MAP_FAILED)
        return PyErr_NoMemory();
    munmap(room, size);
    return spun(units);
}
// --- nap
void rest(double seconds) {
    struct timespec time = {0, (long)(seconds * 1e9)};
    nanosleep(&time, NULL);
}

PyObject *nap(PyObject *self, PyObject *arguments) {
    long units;
    double seconds;
    if (!PyArg_ParseTuple(arguments, "ld", &units, &seconds))
        return NULL;
    rest(seconds);
    return spun(units);
}
// --- lock
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static sem_t asked, taken;
static double hold_seconds;

static void *hold(void *nothing) {
    for (;;) {
        sem_wait(&asked);
        pthread_mutex_lock(&held);
        sem_post(&taken);
        rest(hold_seconds);
        pthread_mutex_unlock(&held);
    }
    return nothing;
}

PyObject *lock(PyObject *self, PyObject *arguments) {
    static pid_t process;
    long units;
    if (!PyArg_ParseTuple(arguments, "ld", &units, &hold_seconds))
        return NULL;
    if (process != getpid()) {
        pthread_t thread;
        process = getpid();
        sem_init(&asked, 0, 0);
        sem_init(&taken, 0, 0);
        pthread_create(&thread, NULL, hold, NULL);
    }
    sem_post(&asked);
    sem_wait(&taken);
    pthread_mutex_lock(&held);
    PyObject *total = spun(units);
    pthread_mutex_unlock(&held);
    return total;
}
// --- call
PyObject *call(PyObject *self, PyObject *arguments) {
    static unsigned char room[1 << 22];
    static int file = -1;
    long units, bytes;
    if (!PyArg_ParseTuple(arguments, "ll", &units, &bytes))
        return NULL;
    if (file < 0)
        file = open("/dev/urandom", O_RDONLY);
    if (read(file, room, bytes) != bytes)
        return PyErr_SetFromErrno(PyExc_OSError);
    return spun(units);
}
// --- module
static PyMethodDef functions[] = {
    {"work", work, METH_VARARGS, ""},   {"stride", stride, METH_VARARGS, ""},
    {"nap", nap, METH_VARARGS, ""},     {"allocation", allocation, METH_VARARGS, ""},
    {"lock", lock, METH_VARARGS, ""},   {"call", call, METH_VARARGS, ""},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "", -1, functions};
PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
