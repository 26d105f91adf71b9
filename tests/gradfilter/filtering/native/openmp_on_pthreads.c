/* The little of OpenMP that the kernels use, on threads that ThreadSanitizer sees through: it knows nothing of
the barriers in GCC's own library, and would call every parallel loop a race. */

#include <pthread.h>

enum { MOST = 16 };

typedef struct {
    void (*function)(void *);
    void *data;
    int number, count;
} part;

static _Thread_local part mine = {0, 0, 0, 1};

int omp_get_thread_num(void) { return mine.number; }
int omp_get_num_threads(void) { return mine.count; }

static void *run(void *given) {
    mine = *(part *)given;
    mine.function(mine.data);
    return 0;
}

void GOMP_parallel(void (*function)(void *), void *data, unsigned count, unsigned flags) {
    pthread_t threads[MOST];
    part parts[MOST], before = mine;
    (void)flags;
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (part){function, data, (int)i, (int)count};
        if (i > 0)
            pthread_create(&threads[i], 0, run, &parts[i]);
    }
    run(&parts[0]);
    for (unsigned i = 1; i < count; i++)
        pthread_join(threads[i], 0);
    mine = before;
}
