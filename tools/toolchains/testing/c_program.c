/* A C program for guests: headers, start files and library of the toolchain. */

#include <math.h>
#include <pthread.h>
#include <stdio.h>

static void *half(void *value) {
    *(double *)value /= 2;
    return NULL;
}

int main(int argc, char **argv) {
    double value = sqrt(argc * 4.0);
    pthread_t thread;
    if (pthread_create(&thread, NULL, half, &value) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    return printf("%s %.2Lf\n", argv[argc - 1], (long double)value) < 0;
}
